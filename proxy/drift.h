/*
 * Changes that another program made to our table: when we repair them. What is wrong is found by reading the
 * changed parts back. Repairs back off (50 ms to 5 s) while the changes keep coming, so that two controllers do not
 * fight. Main thread.
 */
#ifndef PROXY_DRIFT_H
#define PROXY_DRIFT_H

#include <stddef.h>

#include "nft/external_changes.h"

#define DRIFT_PAUSE_LAST_MS 5000u

struct drift { /* zero = no external change */
	struct external_changes seen;
	bool waits;	      /* for its repair */
	bool slow_told;	      /* that repairs slow down */
	uint64_t pause_ms;    /* before a repair; 0: quiet so far */
	uint64_t due_ms;      /* of the repair that waits */
	uint64_t repaired_ms; /* the last repair */
};

/* There is something to repair. */
void drift_notice(struct drift *d, uint64_t now_ms);
/* The repair is over. True, once: the changes do not stop. */
bool drift_repaired(struct drift *d, uint64_t now_ms, size_t operations);

#endif
