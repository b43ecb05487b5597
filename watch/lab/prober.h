/*
 * Probes endpoints from a thread of its own, which has no capability. Results come to the main thread as mail, all that
 * are there at once. Main thread.
 */
#ifndef WATCH_LAB_PROBER_H
#define WATCH_LAB_PROBER_H

#include <ev.h>

#include "watch/lab/probes.h"

#define PROBER_TARGETS_MAX 10000 /* more are not probed, and count as ready */
#define PROBER_RUNNING_MAX 1000	 /* attempts at a time; more wait for one to end */
#define PROBER_TICK_MS 10	 /* probes begin at multiples of it, some at a time */
#define PROBER_START_MS 2000	 /* how long first results are awaited at the daemon's start */

struct exec_helper;
struct prober;

/*
 * changed: results have changed, or first results are no longer awaited; called on the loop, which is borrowed. helper:
 * runs exec probes, borrowed; NULL: they fail. Starts the thread, which is fatal where it cannot be: at start-up.
 */
struct prober *prober_new(struct ev_loop *main, struct exec_helper *helper, void (*changed)(void *ctx), void *ctx);
void prober_free(struct prober *p); /* ends the thread; NULL is fine */
const struct probes *prober_probes(const struct prober *p);
/* Of each target, in arbitrary order. Texts are valid until the loop's next turn. */
void prober_each(struct prober *p, probe_seen_fn *fn, void *ctx);

#endif
