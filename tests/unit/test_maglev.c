/* Maglev tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "nft/verdict.h"
#include "service/maglev.h"

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

static struct pool table(struct arena *a, uint32_t fits, size_t count, size_t without)
{
	struct pool_member *members = arena_array(a, count, sizeof *members);
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		if (i != without)
			members[n++] = (struct pool_member){(uint16_t)i, 1};
	return maglev_fill(targets, members, n, fits, a);
}

/* Share of the flows of the others that move when `gone` leaves. */
static double moved(uint32_t fits, size_t count, size_t gone)
{
	struct arena *a = arena_new(1 << 16);
	struct pool before = table(a, fits, count, SIZE_MAX), after = table(a, fits, count, gone);
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
			double share = moved(MAGLEV_SIZE_MAX, counts[i], k * counts[i] / 8);
			worst = share > worst ? share : worst;
		}
	print_message("at most %.2f %% of the other flows moved\n", worst * 100);
	assert_true(worst <= 0.02);
}

/* What smaller tables cost: up to a quarter as many endpoints as slots. */
static void smaller_tables_move_more(void **state)
{
	static const struct {
		uint32_t size;
		double worst;
	} sizes[] = {{4096, 0.035}, {1024, 0.06}, {256, 0.10}};

	(void)state;
	for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
		double worst = 0;
		for (size_t count = 2; count <= sizes[s].size / 4; count += 1 + count / 4)
			for (size_t k = 0; k < 8 && k < count; k++) {
				double share = moved(sizes[s].size, count, k * count / 8);
				worst = share > worst ? share : worst;
			}
		print_message("%u slots: at most %.2f %% of the other flows moved\n", sizes[s].size, worst * 100);
		assert_true(worst <= sizes[s].worst);
	}
}

/* The same for 2 and 4 000 endpoints: a change of size moves all flows. */
static void size_follows_what_fits(void **state)
{
	(void)state;
	assert_int_equal(maglev_size(MAGLEV_SIZE_MAX, 4096, 4096), 16384);
	assert_int_equal(maglev_size(MAGLEV_SIZE_MAX, 4097, 4097), 65536);
	assert_int_equal(maglev_size(16384, 2, 2), 16384);
	assert_int_equal(maglev_size(16384, 16384, 16384), 16384);
	assert_int_equal(maglev_size(16384, 16385, 16385), 65536);
	assert_int_equal(maglev_size(1024, 2, 1), 1024);
	assert_int_equal(maglev_size(1024, 1024, 60000), 1024);
	assert_int_equal(maglev_size(1024, 1025, 1), 4096);
	assert_int_equal(maglev_size(256, 65536, 65536), 65536);
}

/* Each endpoint has a slot, however many there are and whatever the others weigh. */
static void small_tables_hold_every_endpoint(void **state)
{
	static const size_t counts[] = {1, 64, 65, 255, 256, 257, 1025};
	struct arena *a = arena_new(1 << 16);
	struct pool_member members[1025];

	(void)state;
	for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++) {
		bool has[1025] = {false};
		for (size_t i = 0; i < counts[c]; i++)
			members[i] = (struct pool_member){(uint16_t)i, (uint16_t)(1 + i % 3 * 49)};
		struct pool p = maglev_fill(targets, members, counts[c], 256, a);
		assert_int_equal(p.size, maglev_size(256, counts[c], 0));
		assert_int_equal(p.count, p.size);
		for (uint32_t i = 0; i < p.count; i++)
			has[p.slots[i]] = true;
		for (size_t i = 0; i < counts[c]; i++)
			assert_true(has[i]);
	}
	arena_free(a);
}

static void slots_are_even(void **state)
{
	struct arena *a = arena_new(1 << 16);
	uint32_t of[1000] = {0};

	(void)state;
	struct pool p = table(a, MAGLEV_SIZE_MAX, 1000, SIZE_MAX);
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
	struct pool p = maglev_fill(targets, members, 2, MAGLEV_SIZE_MAX, a);
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
	struct pool x = maglev_fill(targets, these, 3, MAGLEV_SIZE_MAX, a),
		    y = maglev_fill(copies, those, 3, MAGLEV_SIZE_MAX, a);
	for (uint32_t i = 0; i < x.size; i++)
		assert_int_equal(x.slots[i] + 10, y.slots[i]);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(removal_moves_little),	   cmocka_unit_test(smaller_tables_move_more),
		cmocka_unit_test(size_follows_what_fits),  cmocka_unit_test(small_tables_hold_every_endpoint),
		cmocka_unit_test(slots_are_even),	   cmocka_unit_test(weights_count),
		cmocka_unit_test(history_does_not_matter),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
