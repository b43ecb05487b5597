/*
 * When probes are due and what their results mean, as a kubelet decides it: thresholds, the startup probe that gates
 * the others, jitter. Pure: times are given. Any thread.
 *
 * An endpoint is not ready until its first success. One that was there when the daemon started is different: it may
 * be in use, so its first result alone decides, and initialDelaySeconds is over.
 */
#ifndef WATCH_LAB_PROBE_STATE_H
#define WATCH_LAB_PROBE_STATE_H

#include "watch/object.h"

#define PROBE_NEVER UINT64_MAX

/* One probe. */
struct probe_state {
	uint64_t due_ms; /* PROBE_NEVER: not now */
	uint32_t streak; /* results in a row that are as the last one */
	bool last, passing, known, again;
};

struct probe_set_state {
	uint64_t began_ms;
	bool at_start, started;
	struct probe_state of[PROBE_ROLES];
};

void probe_set_begin(struct probe_set_state *s, const struct probe_set *set, uint64_t now_ms, bool at_start);
/*
 * A probe that was begun at begun_ms has ended. random: any number; the second probe of each comes somewhere within its
 * period, so that those that began together spread. Sets what is due next, also of probes that it was the gate of.
 * True: probe_set_ready or the role's `passing` has changed.
 */
bool probe_set_result(struct probe_set_state *s, const struct probe_set *set, enum probe_role role, bool success,
		      uint64_t begun_ms, uint64_t now_ms, uint32_t random);
/* The same of a probe that could not be made: what is known holds, and it is tried again. */
void probe_set_no_result(struct probe_set_state *s, const struct probe_set *set, enum probe_role role,
			 uint64_t begun_ms, uint64_t now_ms, uint32_t random);
bool probe_set_ready(const struct probe_set_state *s, const struct probe_set *set);
/* It has been asked for what decides whether it is ready. */
bool probe_set_known(const struct probe_set_state *s, const struct probe_set *set);

#endif
