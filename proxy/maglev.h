/*
 * Consistent hashing (Maglev, NSDI 2016, section 3.4): a full table of slots that every node computes alike from the
 * same endpoints, whatever order or history they came in. Slots are even to one turn, and one endpoint that leaves
 * moves few flows of the others. Pure; the result lives in the caller's arena.
 *
 * The table is a power of two because the kernel hashes modulo S (jhash … mod S); an odd skip then visits every slot,
 * as a prime size does in the paper.
 */
#ifndef PROXY_MAGLEV_H
#define PROXY_MAGLEV_H

#include "proxy/pool.h"

/* S for a sum of weights ≥ 1: MAGLEV_SLOTS_PER_TURN for each, bounded by SLOT_MAX_SIZE. */
uint32_t maglev_size(uint32_t turns);
struct pool maglev_fill(const struct target *targets, const struct pool_member *members, size_t count, uint64_t seed,
			struct arena *arena);

#endif
