/* Maglev tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "service/maglev.h"

#define SEED 42

static struct target targets[2000];

static int setup(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++)
		targets[i] = (struct target){
			.addr = {AF_INET, {10, 9, (uint8_t)(i >> 8), (uint8_t)i}},
			.port = 8080,
		};
	return 0;
}

static struct pool table(struct arena *a, size_t count, size_t without)
{
	struct pool_member *members = arena_array(a, count, sizeof *members);
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		if (i != without)
			members[n++] = (struct pool_member){(uint16_t)i, 1};
	return maglev_fill(targets, members, n, SEED, a);
}

/* Share of the flows of the others that move when `gone` leaves. */
static double moved(size_t count, size_t gone)
{
	struct arena *a = arena_new(1 << 16);
	struct pool before = table(a, count, SIZE_MAX), after = table(a, count, gone);
	uint32_t others = 0, changed = 0;

	assert_int_equal(before.size, after.size);
	for (uint32_t i = 0; i < before.size; i++) {
		if (before.slots[i] == gone)
			continue;
		others++;
		changed += before.slots[i] != after.slots[i];
	}
	arena_free(a);
	return (double)changed / others;
}

/* The bar of consistent hashing here: one endpoint removed moves at most 2 % of the flows of the others. */
static void removal_moves_little(void **state)
{
	static const size_t counts[] = {2, 3, 4, 5, 7, 8, 10, 16, 20, 33, 50, 64, 100, 150, 200, 300, 500, 1000};
	double worst = 0;

	(void)state;
	for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
		for (size_t k = 0; k < 8 && k < counts[i]; k++) {
			double share = moved(counts[i], k * counts[i] / 8);
			worst = share > worst ? share : worst;
		}
	print_message("at most %.2f %% of the other flows moved\n", worst * 100);
	assert_true(worst <= 0.02);
}

static void slots_are_even(void **state)
{
	struct arena *a = arena_new(1 << 16);
	uint32_t of[1000] = {0};

	(void)state;
	struct pool p = table(a, 1000, SIZE_MAX);
	assert_int_equal(p.count, p.size);
	for (uint32_t i = 0; i < p.count; i++)
		of[p.slots[i]]++;
	for (size_t i = 0; i < 1000; i++)
		assert_in_range(of[i], p.size / 1000, p.size / 1000 + 1);
	arena_free(a);
}

static void weights_count(void **state)
{
	struct arena *a = arena_new(1 << 16);
	struct pool_member members[] = {{4, 100}, {9, 300}};
	uint32_t of_nine = 0;

	(void)state;
	struct pool p = maglev_fill(targets, members, 2, SEED, a);
	for (uint32_t i = 0; i < p.count; i++)
		of_nine += p.slots[i] == 9;
	assert_in_range(of_nine, p.size * 3 / 4 - 1, p.size * 3 / 4 + 1);
	arena_free(a);
}

/* Slots are chosen by address and port alone: an endpoint's place among the others does not matter. */
static void history_does_not_matter(void **state)
{
	struct arena *a = arena_new(1 << 16);
	struct pool_member these[] = {{0, 1}, {1, 1}, {2, 1}}, those[] = {{10, 1}, {11, 1}, {12, 1}};
	struct target copies[13];

	(void)state;
	for (size_t i = 0; i < 3; i++)
		copies[10 + i] = targets[i];
	copies[10].flags = TARGET_READY; /* is not part of who it is */
	struct pool x = maglev_fill(targets, these, 3, SEED, a), y = maglev_fill(copies, those, 3, SEED, a);
	for (uint32_t i = 0; i < x.size; i++)
		assert_int_equal(x.slots[i] + 10, y.slots[i]);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(removal_moves_little),
		cmocka_unit_test(slots_are_even),
		cmocka_unit_test(weights_count),
		cmocka_unit_test(history_does_not_matter),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
