/* Slots of a pool. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "nft/element.h"
#include "service/pool.h"

#define TARGETS 600

static struct target targets[TARGETS];

static int setup(void **state)
{
	(void)state;
	for (size_t i = 0; i < TARGETS; i++)
		targets[i] = (struct target){
			.addr = {AF_INET, {10, 0, (uint8_t)(i >> 8), (uint8_t)i}},
			.port = 80,
		};
	return 0;
}

struct sim {
	struct arena *arena, *past_arena;
	bool in[TARGETS];
	uint32_t count;
	struct pool_previous previous;
};

static size_t members_of(const struct sim *s, struct pool_member *members)
{
	size_t n = 0;

	for (size_t i = 0; i < TARGETS; i++)
		if (s->in[i])
			members[n++] = (struct pool_member){(uint16_t)i, 1};
	return n;
}

/* Every member exactly once, no hole, S a size there is, and not too sparse. */
static void check_pool(const struct sim *s, const struct pool *p)
{
	bool seen[TARGETS] = {false};

	assert_int_equal(p->count, s->count);
	for (uint32_t i = 0; i < p->count; i++) {
		assert_true(s->in[p->slots[i]]);
		assert_false(seen[p->slots[i]]);
		seen[p->slots[i]] = true;
	}
	assert_int_equal(slot_size(p->size), p->size);
	assert_true(p->size >= p->count);
	assert_true(p->count * 8 > p->size * 3);
}

/* Element operations on the slots: a changed value is a del and an add. */
static uint32_t operations(const struct pool_previous *previous, const struct pool *p)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < previous->count || i < p->count; i++) {
		bool both = i < previous->count && i < p->count;
		if (!both)
			n++;
		else if (target_compare(&previous->slots[i], &targets[p->slots[i]]) != 0)
			n += 2;
	}
	return n + (previous->size != p->size ? 2 : 0);
}

static void keep(struct sim *s, const struct pool *p)
{
	arena_reset(s->past_arena);
	struct target *slots = arena_array(s->past_arena, p->count, sizeof *slots);
	for (uint32_t i = 0; i < p->count; i++)
		slots[i] = targets[p->slots[i]];
	s->previous = (struct pool_previous){.size = p->size, .count = p->count, .slots = slots};
}

static uint32_t step(struct sim *s)
{
	struct pool_member members[TARGETS];

	arena_reset(s->arena);
	struct pool p = pool_assign(targets, members, members_of(s, members), &s->previous, s->arena);
	if (s->count != 0)
		check_pool(s, &p);
	uint32_t n = operations(&s->previous, &p);
	keep(s, &p);
	return n;
}

static void flip(struct sim *s, size_t i)
{
	s->in[i] = !s->in[i];
	s->count = s->in[i] ? s->count + 1 : s->count - 1;
}

static void random_walk(void **state)
{
	struct sim s = {.arena = arena_new(4096), .past_arena = arena_new(4096)};

	(void)state;
	srand(7);
	for (int i = 0; i < 20000; i++) {
		size_t range = (size_t)(1 << (i / 2000 % 10)) + 10; /* small pools and large ones */
		size_t at = (size_t)rand() % (range < TARGETS ? range : TARGETS);
		uint32_t size = s.previous.size;
		bool adding = !s.in[at];
		flip(&s, at);
		uint32_t n = step(&s);
		/* One added: its slot, and the verdict when S grew. One removed: hole filled by the last. */
		assert_true(n <= (adding ? 1u : 3u) + (s.previous.size != size ? 2u : 0u));
	}
	arena_free(s.arena);
	arena_free(s.past_arena);
}

/* The bar of the engine: one endpoint added or replaced costs at most 3 element operations. */
static void added_or_replaced_within_three(void **state)
{
	struct sim s = {.arena = arena_new(4096), .past_arena = arena_new(4096)};

	(void)state;
	for (size_t i = 0; i < 300; i++) {
		flip(&s, i);
		assert_true(step(&s) <= 3);
		flip(&s, i);
		flip(&s, i + 300);
		assert_int_equal(step(&s), 2);
		flip(&s, i);
		flip(&s, i + 300);
		assert_int_equal(step(&s), 2);
	}
	arena_free(s.arena);
	arena_free(s.past_arena);
}

static void size_has_hysteresis(void **state)
{
	(void)state;
	assert_int_equal(pool_size(1, 0), 1);
	assert_int_equal(pool_size(3, 0), 3);
	assert_int_equal(pool_size(9, 8), 10);
	assert_int_equal(pool_size(8, 16), 16);
	assert_int_equal(pool_size(7, 16), 16);
	assert_int_equal(pool_size(6, 16), 6);
	assert_int_equal(pool_size(1, 16), 1);
	assert_int_equal(pool_size(65536, 0), 65536);
}

/* From 8 endpoints on the next one finds room: its slot is the only change. And not too much room: see pool.h. */
static void size_has_room(void **state)
{
	(void)state;
	for (uint32_t count = 8; count < SLOT_MAX_SIZE; count++) {
		uint64_t size = pool_size(count, 0);
		assert_true(size > count);
		assert_true(100 * (size - count) <= (count <= 114 ? 28 : 56) * size);
	}
	assert_int_equal(pool_size(10, 0), 12);
	assert_int_equal(pool_size(16, 0), 20);
}

/* Holes in what the kernel had (another program removed a slot) are filled, the rest stays where it is. */
static void past_with_holes(void **state)
{
	struct arena *a = arena_new(1024);
	struct target had[4] = {targets[3], {.port = 0}, targets[1], targets[9]};
	struct pool_previous previous = {.size = 4, .count = 4, .slots = had};
	struct pool_member members[] = {{1, 1}, {2, 1}, {3, 1}};

	(void)state;
	struct pool p = pool_assign(targets, members, 3, &previous, a);
	assert_int_equal(p.count, 3);
	assert_int_equal(p.size, 4);
	assert_int_equal(p.slots[0], 3);
	assert_int_equal(p.slots[1], 2);
	assert_int_equal(p.slots[2], 1);
	arena_free(a);
}

static void weights_are_slots(void **state)
{
	struct arena *a = arena_new(1024);
	struct pool_previous none = {0};
	struct pool_member members[] = {{0, 30}, {1, 10}, {2, 0 /* 1 */}, {3, 20}};
	uint32_t shares[4], of[4] = {0};

	(void)state;
	assert_int_equal(pool_shares(members, 4, 65536, shares), 61);
	members[2].weight = 40;
	assert_int_equal(pool_shares(members, 4, 65536, shares), 10);
	struct pool p = pool_assign(targets, members, 4, &none, a);
	assert_int_equal(p.count, 10);
	assert_int_equal(p.size, 12);
	for (uint32_t i = 0; i < p.count; i++)
		of[p.slots[i]]++;
	assert_int_equal(of[0], 3);
	assert_int_equal(of[1], 1);
	assert_int_equal(of[2], 4);
	assert_int_equal(of[3], 2);
	/* Too heavy for the table: scaled, none without a slot. */
	struct pool_member heavy[] = {{0, 65535}, {1, 65534}, {2, 1}};
	uint32_t sum = pool_shares(heavy, 3, 65536, shares);
	assert_true(sum <= 65536 && sum > 65000);
	assert_int_equal(shares[2], 1);
	assert_true(shares[0] - shares[1] <= 1);
	arena_free(a);
}

/* Members come, go and change their weight: each has exactly the slots of its share, no slot is lost. */
static void weights_walk(void **state)
{
	struct arena *a = arena_new(1 << 14), *past_arena = arena_new(1 << 14);
	struct pool_member all[40];
	struct pool_previous previous = {0};

	(void)state;
	srand(3);
	for (uint16_t i = 0; i < 40; i++)
		all[i] = (struct pool_member){i, 0};
	for (int step_count = 0; step_count < 3000; step_count++) {
		struct pool_member members[40];
		uint32_t shares[40], of[40] = {0};
		size_t n = 0;
		all[rand() % 40].weight = (uint16_t)(rand() % 3 == 0 ? 0 : 1 + rand() % 9);
		for (size_t i = 0; i < 40; i++)
			if (all[i].weight != 0) /* here: absent */
				members[n++] = all[i];
		arena_reset(a);
		struct pool p = pool_assign(targets, members, n, &previous, a);
		assert_int_equal(p.count, n != 0 ? pool_shares(members, n, 65536, shares) : 0);
		for (uint32_t i = 0; i < p.count; i++)
			of[p.slots[i]]++;
		for (size_t i = 0; i < n; i++)
			assert_int_equal(of[members[i].target], shares[i]);
		arena_reset(past_arena);
		struct target *slots = arena_array(past_arena, p.count, sizeof *slots);
		for (uint32_t i = 0; i < p.count; i++)
			slots[i] = targets[p.slots[i]];
		previous = (struct pool_previous){.size = p.size, .count = p.count, .slots = slots};
	}
	arena_free(a);
	arena_free(past_arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_walk),	       cmocka_unit_test(added_or_replaced_within_three),
		cmocka_unit_test(size_has_hysteresis), cmocka_unit_test(size_has_room),
		cmocka_unit_test(past_with_holes),     cmocka_unit_test(weights_are_slots),
		cmocka_unit_test(weights_walk),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
