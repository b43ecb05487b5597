/*
 * Slots of a pool, with memory: an endpoint that stays keeps its slot, holes are filled, so that a change of one
 * endpoint is a change of one or two elements. Pure; results live in the caller's arena.
 *
 * Size and the kernel's tries: the kernel draws a slot of 0…S-1 up to 16 times, then one of the first half, and takes
 * slot 0 after that. A new S is a new verdict, the expensive kind of element, and an empty slot costs the packet that
 * draws it a second draw. So from 8 endpoints on a new S leaves an eighth of room, with at most 28 % of the slots empty
 * up to 114 endpoints, and 56 % above. A pool that shrank keeps S while count > 3/8 S: then all tries miss with at most
 * (5/8)^16 = 0.054 %, and even those connections are served. At a quarter it would be (3/4)^16 = 1 %: too much.
 */
#ifndef SERVICE_POOL_H
#define SERVICE_POOL_H

#include "base/mem.h"
#include "service/service.h"

/* What the slots held before: zero = nothing known. Entries of family 0 are holes. */
struct pool_previous {
	uint32_t size, count;
	const struct target *slots;
};

/* An endpoint that wants slots. */
struct pool_member {
	uint16_t target; /* index into the targets */
	uint16_t weight; /* 0 counts as 1 */
};

/* Members are sorted by target and unique, targets are sorted. No member: the empty pool. */
struct pool pool_assign(const struct target *targets, const struct pool_member *members, size_t count,
			const struct pool_previous *previous, struct arena *arena);
/* S for `count` ≥ 1 slots, when it was `previous_size` (0 = not known). */
uint32_t pool_size(uint32_t count, uint32_t previous_size);
/*
 * Slots of each member: weights over their greatest common divisor, scaled down when the sum would exceed `max`.
 * Returns the sum. A member has at least one slot.
 */
uint32_t pool_shares(const struct pool_member *members, size_t count, uint32_t max, uint32_t *shares);

#endif
