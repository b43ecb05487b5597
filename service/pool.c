/* Assigns endpoints to slots. */
#include "service/pool.h"

#include "nft/element.h"

#define ROOM_FROM 8u /* from here on one slot in so many is spare */

uint32_t pool_size(uint32_t count, uint32_t previous_size)
{
	if (count <= previous_size && (uint64_t)count * 8 > (uint64_t)previous_size * 3)
		return previous_size;
	count += count / ROOM_FROM;
	return slot_size(count < SLOT_MAX_SIZE ? count : SLOT_MAX_SIZE);
}

static uint32_t weight_of(const struct pool_member *m)
{
	return m->weight != 0 ? m->weight : 1;
}

static uint32_t common_divisor(uint32_t a, uint32_t b)
{
	while (b != 0) {
		uint32_t rest = a % b;
		a = b;
		b = rest;
	}
	return a;
}

uint32_t pool_shares(const struct pool_member *members, size_t count, uint32_t max, uint32_t *shares)
{
	uint64_t sum = 0, room = max > count ? max - count : 0;
	uint32_t divisor = 0, total = 0;

	for (size_t i = 0; i < count; i++)
		divisor = common_divisor(weight_of(&members[i]), divisor);
	for (size_t i = 0; i < count; i++)
		sum += weight_of(&members[i]) / divisor;
	for (size_t i = 0; i < count; i++) {
		uint64_t share = weight_of(&members[i]) / divisor;
		if (sum > max) /* one for being there, the rest in proportion: never above max */
			share = 1 + share * room / sum;
		shares[i] = (uint32_t)share;
		total += shares[i];
	}
	return total;
}

/* The member that is endpoint `past`, or count. */
static size_t member_find(const struct target *targets, const struct pool_member *members, size_t count,
			  const struct target *previous)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int c = target_compare(&targets[members[middle].target], previous);
		if (c == 0)
			return middle;
		if (c < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return count;
}

struct pool pool_assign(const struct target *targets, const struct pool_member *members, size_t count,
			const struct pool_previous *previous, struct arena *arena)
{
	if (count == 0)
		return (struct pool){0};
	uint32_t *left = arena_array(arena, count, sizeof *left);
	uint32_t total = pool_shares(members, count, SLOT_MAX_SIZE, left);
	uint16_t *slots = arena_array(arena, total, sizeof *slots);
	bool *filled = arena_array(arena, total, sizeof *filled);

	for (uint32_t i = 0; i < previous->count && i < total; i++) {
		size_t m = member_find(targets, members, count, &previous->slots[i]);
		if (m == count || left[m] == 0)
			continue;
		left[m]--;
		slots[i] = members[m].target;
		filled[i] = true;
	}
	/* Holes take the new ones and those whose slot fell off the end. */
	size_t m = 0;
	for (uint32_t i = 0; i < total; i++) {
		if (filled[i])
			continue;
		while (left[m] == 0)
			m++;
		left[m]--;
		slots[i] = members[m].target;
	}
	return (struct pool){.size = pool_size(total, previous->size), .count = total, .slots = slots};
}
