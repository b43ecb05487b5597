#include "proxy/maglev.h"

#define XXH_INLINE_ALL
#include <string.h>
#include <xxhash.h>

#include "nft/element.h"

#define SLOTS_PER_TURN 128u
#define TURNS_MAX (SLOT_MAX_SIZE / 4) /* above that a table of SLOT_MAX_SIZE is too coarse to be even */
#define EMPTY UINT32_MAX

/* One walk over the table; a member of weight n has n walks. */
struct walk {
	uint32_t at, skip;
	uint16_t target;
};

uint32_t maglev_size(uint32_t turns)
{
	uint32_t size = 1;

	while (size < turns * SLOTS_PER_TURN && size < SLOT_MAX_SIZE)
		size *= 2;
	return size;
}

static struct walk walk_start(const struct target *t, uint16_t index, uint32_t replica, uint64_t seed, uint32_t size)
{
	uint8_t id[sizeof t->addr + 6];

	memcpy(id, &t->addr, sizeof t->addr);
	memcpy(id + sizeof t->addr, (uint8_t[]){(uint8_t)(t->port >> 8), (uint8_t)t->port}, 2);
	for (int i = 0; i < 4; i++)
		id[sizeof t->addr + 2 + (size_t)i] = (uint8_t)(replica >> (8 * i));
	uint64_t hash = XXH3_64bits_withSeed(id, sizeof id, seed);
	return (struct walk){
		.at = (uint32_t)hash & (size - 1),
		.skip = ((uint32_t)(hash >> 32) | 1) & (size - 1),
		.target = index,
	};
}

/* Every walk takes one free slot per round until the table is full. */
static void fill(uint32_t *table, uint32_t size, struct walk *walks, uint32_t count)
{
	uint32_t filled = 0;

	for (uint32_t w = 0; filled < size; w = w + 1 < count ? w + 1 : 0) {
		struct walk *k = &walks[w];
		while (table[k->at] != EMPTY)
			k->at = (k->at + k->skip) & (size - 1);
		table[k->at] = k->target;
		filled++;
	}
}

struct pool maglev_fill(const struct target *targets, const struct pool_member *members, size_t count, uint64_t seed,
			struct arena *arena)
{
	if (count == 0)
		return (struct pool){0};
	uint32_t *shares = arena_array(arena, count, sizeof *shares);
	uint32_t turns = pool_shares(members, count, TURNS_MAX, shares);
	uint32_t size = maglev_size(turns), next = 0;
	struct walk *walks = arena_array(arena, turns, sizeof *walks);
	uint32_t *table = arena_array(arena, size, sizeof *table);
	uint16_t *slots = arena_array(arena, size, sizeof *slots);

	for (size_t i = 0; i < count; i++)
		for (uint32_t r = 0; r < shares[i]; r++, next++)
			walks[next] = walk_start(&targets[members[i].target], members[i].target, r, seed, size);
	memset(table, 0xff, size * sizeof *table);
	fill(table, size, walks, turns);
	for (uint32_t i = 0; i < size; i++)
		slots[i] = (uint16_t)table[i];
	return (struct pool){.size = size, .count = size, .slots = slots};
}
