/*
 * The last results of a target, a byte each. Reasons are kept once: with addresses and numbers left out there are few.
 * With the prober's lock.
 */
#ifndef WATCH_LAB_PROBE_HISTORY_H
#define WATCH_LAB_PROBE_HISTORY_H

#include <stddef.h>
#include <stdint.h>

#include "watch/lab/probes.h"

#define PROBE_REASONS_MAX 64
#define PROBE_REASON_BYTES 48

struct probe_reasons {
	size_t count;
	char texts[PROBE_REASONS_MAX][PROBE_REASON_BYTES]; /* never changed once they are there */
};

struct probe_history {
	uint8_t count, at;		/* of results, and where the next one goes */
	uint8_t results[PROBE_HISTORY]; /* 0: a success; else the number of a reason */
};

/* why: "" of a success; what follows ": " does not count, nor does what there is no room for. */
void probe_history_add(struct probe_history *h, struct probe_reasons *r, const char *why);
/* Fills results and count; the texts live as long as the reasons. */
void probe_history_get(const struct probe_history *h, const struct probe_reasons *r, struct probe_seen *to);

#endif
