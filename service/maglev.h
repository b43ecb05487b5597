/*
 * Consistent hashing (Maglev, NSDI 2016, section 3.4): a full table of slots that every node computes alike from the
 * same endpoints, whatever order or history they came in. Slots are even to one turn, and an endpoint that leaves
 * moves at most 2 % of the flows of the others (measured in test_maglev for 2…1000 endpoints).
 *
 * The size is the same for nearly every service, because a change of size moves all flows; 16 384 is the smallest
 * power of two (the kernel computes jhash mod S) that keeps the 2 %. Pure; the result lives in the caller's arena.
 */
#ifndef SERVICE_MAGLEV_H
#define SERVICE_MAGLEV_H

#include "service/pool.h"

#define MAGLEV_TURNS_MAX 4096u /* weights are scaled to it, where their sum exceeds it the larger table is used */

/* S is one size for a sum of weights up to 4096, and the largest there is above. No member: the empty pool. */
struct pool maglev_fill(const struct target *targets, const struct pool_member *members, size_t count, uint64_t seed,
			struct arena *arena);

#endif
