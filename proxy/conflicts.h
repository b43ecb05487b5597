/*
 * Conflicts that are new in this turn, and the pairs of services that they come down to; owners.c keeps them. Main
 * thread.
 */
#ifndef PROXY_CONFLICTS_H
#define PROXY_CONFLICTS_H

#include "base/map.h"
#include "service/service.h"

/* Two services that claim the same keys. */
struct conflict {
	const struct service *owner, *loser;
	/* The first of the keys, one with a port if there is any: without they share the address but no port so far. */
	struct frontend_key key;
	size_t more; /* further keys of this pair */
};

/* Called by owners_report_conflicts, once for each pair of services, however many keys they share. */
typedef void owners_conflict_fn(void *ctx, const struct conflict *conflict);
owners_conflict_fn conflict_log; /* one warning line; ctx is not used */

/* A service claims a key that another owned, or owned until then. */
struct new_conflict {
	struct frontend_key key;
	const struct service *who; /* NULL: it is gone again */
};

struct conflict_pair {
	const struct service *services[2]; /* owner, loser: the key of `by_pair` */
	struct conflict conflict;
};

struct conflicts { /* all zero = empty */
	struct new_conflict *new_ones;
	size_t new_count, new_room;
	struct conflict_pair **pairs; /* in the order of their first key */
	size_t pair_count, pair_room;
	struct map by_pair;
};

void conflicts_add(struct conflicts *c, const struct frontend_key *key, const struct service *who);
/* Conflicts of prev are next's; either may be NULL. */
void conflicts_replace(struct conflicts *c, const struct service *prev, const struct service *next);
/* Counts a key for a pair. */
void conflicts_pair(struct conflicts *c, const struct frontend_key *key, const struct service *owner,
		    const struct service *loser);
void conflicts_clear(struct conflicts *c); /* frees everything: empty again */

#endif
