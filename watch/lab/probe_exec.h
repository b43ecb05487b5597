/*
 * Exec probes, by the helper (exec_helper.h). At most EXEC_PLACES run at a time, and others wait for a place. The
 * prober's thread.
 */
#ifndef WATCH_LAB_PROBE_EXEC_H
#define WATCH_LAB_PROBE_EXEC_H

#include "watch/lab/exec_helper.h"
#include "watch/lab/probe_attempt.h"

#define PROBE_EXEC_WAIT_MS 60000 /* for a place; then it cannot be made */
#define PROBE_EXEC_GRACE_MS 2000 /* what a command takes longer to die is not waited for */

struct probe_exec;

/* As probe_curl's. The helper is borrowed; NULL, or one without a socket: probes cannot be made. */
struct probe_exec *probe_exec_new(struct ev_loop *loop, struct exec_helper *helper);
void probe_exec_free(struct probe_exec *x); /* after all attempts; NULL is fine */

struct probe_attempt *probe_exec_start(struct probe_exec *x, const struct probe_request *r);

#endif
