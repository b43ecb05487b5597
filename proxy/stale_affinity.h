/*
 * Affinity entries (SET_AFFINITY) that lead where their frontend no longer does: looked for when a Service with session
 * affinity changes or another program wrote there, and deleted through the transactions of nft/. Main thread: it is our
 * own table, and a large one is read for a tenth of the time at most.
 */
#ifndef PROXY_STALE_AFFINITY_H
#define PROXY_STALE_AFFINITY_H

#include "nft/nft.h"
#include "proxy/frontend_set.h"
#include "proxy/owners.h"

struct stale_affinity {		      /* all zero but nft and owners = nothing to look for */
	struct nft *nft;	      /* borrowed; NULL: that table is left alone */
	const struct owners *owners;  /* borrowed */
	bool asked;		      /* something changed since the last look that succeeded */
	bool again;		      /* that look found something */
	struct frontend_set narrowed; /* since the last looks: clients outside lost endpoints there */
	unsigned narrowed_looks;      /* so often at most is it looked at for them */
	uint64_t look_ms;	      /* not before */
	uint64_t retry_ms;	      /* back-off after a look that failed; 0: the last one went well */
	uint64_t deleted, failures;
};

/* The kernel has this service now; prev or next NULL. */
void stale_affinity_published(struct stale_affinity *a, const struct service *prev, const struct service *next);
/* Another program wrote there. */
void stale_affinity_ask(struct stale_affinity *a);
/*
 * Looks when it is due. deleted: called with the frontend of each entry that went. Returns in how many milliseconds it
 * wants to be called again, or UINT64_MAX.
 */
uint64_t stale_affinity_turn(struct stale_affinity *a, uint64_t now_ms,
			     void (*deleted)(void *ctx, const struct frontend_key *key), void *ctx);
void stale_affinity_fini(struct stale_affinity *a);

#endif
