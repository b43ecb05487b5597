#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dns/forward/upstream.h"

static void chooses_among_the_good(void **state)
{
	struct upstreams u = {.count = 3};
	unsigned seen = 0;

	(void)state;
	for (uint32_t random = 0; random < 3; random++)
		seen |= 1U << upstreams_pick(&u, 0, 0, random);
	assert_int_equal(seen, 7);
	assert_int_equal(upstreams_pick(&u, 3, 0, 12345), 2);
	assert_int_equal(upstreams_pick(&u, 7, 0, 1), -1);
}

/* Twice failed: left aside, tried by one question after a while, back after one reply. */
static void left_aside_and_probed(void **state)
{
	struct upstreams u = {.count = 2};

	(void)state;
	upstream_failed(&u.items[0], 1000);
	assert_int_equal(upstreams_pick(&u, 2, 1000, 0), 0);
	upstream_failed(&u.items[0], 1000);
	for (uint32_t random = 0; random < 4; random++)
		assert_int_equal(upstreams_pick(&u, 0, 1001, random), 1);
	assert_int_equal(upstreams_pick(&u, 0, 1000 + UPSTREAM_ASIDE_MS, 0), 0);
	assert_int_equal(upstreams_pick(&u, 0, 1000 + UPSTREAM_ASIDE_MS, 0), 1);
	assert_false(upstreams_all_aside(&u));
	upstream_replied(&u.items[0]);
	assert_int_equal(upstreams_pick(&u, 0, 1002, 0), 0);
}

static void one_is_asked_when_all_are_aside(void **state)
{
	struct upstreams u = {.count = 2};

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		upstream_failed(&u.items[i % 2], 1000);
	assert_true(upstreams_all_aside(&u));
	assert_true(upstreams_pick(&u, 0, 1001, 7) >= 0);
	assert_int_equal(upstreams_pick(&u, 1, 1001, 7), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chooses_among_the_good),
		cmocka_unit_test(left_aside_and_probed),
		cmocka_unit_test(one_is_asked_when_all_are_aside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
