/*
 * Affinity entries (SET_AFFINITY) that lead where their frontend no longer does: looked for when a Service with session
 * affinity changes or another program wrote there, and deleted through the transactions of nft/. Main thread: it is our
 * own table. Clients decide how large it is: a look takes a few milliseconds of a turn, deletes some thousand entries
 * at a time, and rests ten times as long as it took.
 */
#ifndef PROXY_STALE_AFFINITY_H
#define PROXY_STALE_AFFINITY_H

#include "nft/element_list.h"
#include "nft/nft.h"
#include "proxy/frontend_set.h"
#include "proxy/owners.h"

struct stale_affinity {		      /* all zero but nft and owners = nothing to look for */
	struct nft *nft;	      /* borrowed; NULL: that table is left alone */
	const struct owners *owners;  /* borrowed */
	bool asked;		      /* something changed since the last look that succeeded began */
	bool looking;		      /* a look is under way */
	uint64_t took_ns;	      /* so far */
	struct element_list found;    /* so far */
	bool deleting;		      /* the look has ended, and these are not all gone… */
	size_t gone;		      /* …only so many */
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
/* Entries that changes made stale may still be there. */
bool stale_affinity_is_due(const struct stale_affinity *a);
void stale_affinity_fini(struct stale_affinity *a);

#endif
