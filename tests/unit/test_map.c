/* The hash map. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/map.h"

#define KEYS 5000

static char keys[KEYS][8];

/* Puts, deletes and re-puts in waves, so that tombs and growth are met. */
static void waves(void **state)
{
	struct map m = {0};

	(void)state;
	for (int i = 0; i < KEYS; i++)
		snprintf(keys[i], sizeof keys[i], "k%d", i);
	for (int wave = 0; wave < 5; wave++) {
		for (int i = 0; i < KEYS; i++)
			assert_null(map_put_str(&m, keys[i], keys[i]));
		assert_int_equal(map_count(&m), KEYS);
		for (int i = 0; i < KEYS; i++)
			assert_ptr_equal(map_get_str(&m, keys[i]), keys[i]);
		for (int i = 0; i < KEYS; i++)
			assert_ptr_equal(map_del_str(&m, keys[i]), keys[i]);
		assert_int_equal(map_count(&m), 0);
		assert_null(map_del_str(&m, keys[0]));
	}
	map_fini(&m);
	assert_null(map_get_str(&m, "k1"));
}

static void replace_and_iterate(void **state)
{
	struct map m = {0};
	size_t at = 0, seen = 0;
	char *value;

	(void)state;
	for (int i = 0; i < 100; i++)
		map_put_str(&m, keys[i], keys[i]);
	assert_ptr_equal(map_put_str(&m, "k7", keys[8]), keys[7]);
	assert_ptr_equal(map_get_str(&m, "k7"), keys[8]);
	while ((value = map_next(&m, &at)) != NULL)
		seen++;
	assert_int_equal(seen, 100);
	map_fini(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waves),
		cmocka_unit_test(replace_and_iterate),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
