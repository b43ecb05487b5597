/*
 * Consistent hashing (Maglev, NSDI 2016, section 3.4): a full table of slots that every node computes alike from the
 * same endpoints, whatever order or history they came in. Slots are even to one turn, and an endpoint that leaves
 * moves at most 2 % of the flows of the others (measured in test_maglev for 2…1000 endpoints).
 *
 * The size is the same for nearly every service, because a change of size moves all flows; 16 384 is the smallest
 * power of two (the kernel computes jhash mod S) that keeps the 2 %. A service with so many frontends that tables of
 * this size are above its budget has smaller ones (budget_maglev_size): still even to one slot, but more flows move.
 * Pure; the result lives in the caller's arena.
 */
#ifndef SERVICE_MAGLEV_H
#define SERVICE_MAGLEV_H

#include "service/pool.h"

#define MAGLEV_TURNS_MAX 4096u /* weights are scaled to it, where their sum exceeds it the largest table is used */

/*
 * S of a pool of `count` members that take `turns`, when tables of `fits` slots fit into the service's budget. It does
 * not follow the number of endpoints, but where there are more of them than slots, and from 4096 turns on.
 */
uint32_t maglev_size(uint32_t fits, uint64_t count, uint64_t turns);
/* No member: the empty pool. `fits`: a size that exists. */
struct pool maglev_fill(const struct target *targets, const struct pool_member *members, size_t count, uint32_t fits,
			struct arena *arena);

#endif
