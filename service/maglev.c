/* Fills a Maglev table. */
#include "service/maglev.h"

#include <assert.h>
#include <stdbool.h>

#include "base/hash.h"
#include "nft/element.h"

#define SLOTS_PER_TURN 4
/* Every node must fill the tables alike: a client that changes nodes keeps its endpoint. */
#define SEED UINT64_C(0x5ca1ab1e)

static_assert(MAGLEV_TURNS_MAX * SLOTS_PER_TURN == MAGLEV_SIZE_USUAL, "scaled where the usual size is too small");

/* The order in which one turn-taker wants the slots; a member of weight n has n of them. */
struct walk {
	uint64_t key;
	uint32_t step;
	uint16_t target;
};

uint32_t maglev_size(uint32_t fits, uint64_t count, uint64_t turns)
{
	uint32_t size = fits;

	if (fits == MAGLEV_SIZE_MAX)
		return turns <= MAGLEV_TURNS_MAX ? MAGLEV_SIZE_USUAL : MAGLEV_SIZE_MAX;
	while (size < count && size < MAGLEV_SIZE_MAX)
		size *= MAGLEV_SIZE_STEP;
	return size;
}

static uint64_t walk_key(const struct target *t, uint32_t replica)
{
	struct {
		struct addr addr;
		uint8_t rest[6];
	} id = {.addr = t->addr};

	id.rest[0] = (uint8_t)(t->port >> 8);
	id.rest[1] = (uint8_t)t->port;
	for (unsigned i = 0; i < 4; i++)
		id.rest[2 + i] = (uint8_t)(replica >> (8 * i));
	return hash_bytes(&id, sizeof id, SEED);
}

/*
 * A permutation of 0…2^bits-1 chosen by key: each line is a bijection. The paper's offset and stride need a prime
 * size; strides over a power of two share their low bits and collide in runs, which moved up to 7 % when measured.
 */
static uint32_t permute(uint32_t step, uint64_t key, unsigned bits)
{
	uint32_t low = (uint32_t)key, high = (uint32_t)(key >> 32), mask = (1u << bits) - 1, x = step;

	x = (x ^ low) & mask;
	x = (x * (high | 1)) & mask;
	x ^= x >> (bits / 2);
	x = (x * ((low >> 8) | 1)) & mask;
	x ^= x >> (bits / 2 + 1);
	x = (x * ((high >> 8) | 1)) & mask;
	return x ^ x >> (bits / 2);
}

/* Every walk takes one free slot per round until the table is full. */
static void fill(uint16_t *slots, bool *taken, unsigned bits, struct walk *walks, uint32_t count)
{
	uint32_t filled = 0, slot;

	for (uint32_t w = 0; filled < 1u << bits; w = w + 1 < count ? w + 1 : 0) {
		do
			slot = permute(walks[w].step++, walks[w].key, bits);
		while (taken[slot]);
		taken[slot] = true;
		slots[slot] = walks[w].target;
		filled++;
	}
}

struct pool maglev_fill(const struct target *targets, const struct pool_member *members, size_t count, uint32_t fits,
			struct arena *arena)
{
	if (count == 0)
		return (struct pool){0};
	uint32_t *shares = arena_array(arena, count, sizeof *shares);
	const uint32_t usual = fits < MAGLEV_SIZE_USUAL ? fits : MAGLEV_SIZE_USUAL;
	uint32_t turns = pool_shares(members, count, usual / SLOTS_PER_TURN, shares), next = 0;
	const uint32_t size = maglev_size(fits, count, turns);
	struct walk *walks = arena_array(arena, turns, sizeof *walks);
	uint16_t *slots = arena_array(arena, size, sizeof *slots);
	bool *taken = arena_array(arena, size, sizeof *taken);

	for (size_t i = 0; i < count; i++)
		for (uint32_t r = 0; r < shares[i]; r++)
			walks[next++] = (struct walk){
				.key = walk_key(&targets[members[i].target], r),
				.target = members[i].target,
			};
	fill(slots, taken, (unsigned)__builtin_ctz(size), walks, turns);
	return (struct pool){.size = size, .count = size, .slots = slots};
}
