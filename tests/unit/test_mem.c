/* Arenas. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"

/* Several chunks; what was handed out is still ours after a wipe. */
static void test_wipe_leaves_no_secret(void **state)
{
	struct arena *a = arena_new(64);
	char *secrets[50];

	(void)state;
	for (size_t i = 0; i < 50; i++)
		secrets[i] = arena_printf(a, "secret number %zu", i);
	arena_wipe(a);
	for (size_t i = 0; i < 50; i++)
		for (size_t at = 0; at < strlen("secret number"); at++)
			assert_int_equal(secrets[i][at], 0);
	arena_free(a);
}

/* The first chunk is in the arena's own block; the largest one is kept. */
static void test_arena_grows_and_begins_anew(void **state)
{
	struct arena *a = arena_new(64);
	char *first = arena_strdup(a, "first"), *large;

	(void)state;
	assert_int_equal(arena_bytes(a), 64);
	for (int round = 0; round < 3; round++) {
		arena_alloc(a, 48);
		large = arena_alloc(a, 1000);
		memset(large, 'x', 1000);
		arena_alloc(a, 2000);
		assert_in_range(arena_bytes(a), 64 + 2000, 8000);
		if (round == 0)
			assert_string_equal(first, "first");
		arena_reset(a);
		assert_in_range(arena_bytes(a), 2000, 8000);
		large = arena_alloc(a, 2000); /* zeroed again, and no second chunk of that size */
		assert_int_equal(large[0], 0);
		assert_int_equal(large[1999], 0);
		arena_reset(a);
	}
	arena_free(a);
	arena_free(NULL);
}

/* Whole pages only, and what comes behind stays. */
static void test_give_back(void **state)
{
	const size_t bytes = 1 << 20;
	char *p = mem_alloc(bytes);

	(void)state;
	memset(p, 'x', bytes);
	mem_give_back(p, bytes / 2);
	assert_int_equal(p[bytes / 4], 0);
	for (size_t i = bytes / 2; i < bytes; i++)
		assert_int_equal(p[i], 'x');
	mem_give_back(p, 10);
	mem_give_back(p, 0);
	free(p);
}

static void arrays_that_are_empty(void **state)
{
	size_t room = 0;
	int *items = NULL;

	(void)state;
	for (size_t count = 0; count < 100; count++)
		items = mem_grow(items, count, &room, sizeof *items);
	const size_t small = room;
	items = mem_empty(items, &room);
	assert_non_null(items);
	assert_int_equal(room, small);
	for (size_t count = 0; count < 5000; count++)
		items = mem_grow(items, count, &room, sizeof *items);
	items = mem_empty(items, &room);
	assert_null(items);
	assert_int_equal(room, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arrays_that_are_empty),
		cmocka_unit_test(test_wipe_leaves_no_secret),
		cmocka_unit_test(test_arena_grows_and_begins_anew),
		cmocka_unit_test(test_give_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
