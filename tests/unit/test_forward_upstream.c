/* Which upstream server is asked. */
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
		seen |= 1U << upstreams_pick(&u, 0, random);
	assert_int_equal(seen, 7);
	assert_int_equal(upstreams_pick(&u, 3, 12345), 2);
	assert_int_equal(upstreams_pick(&u, 7, 1), -1);
}

static void policies(void **state)
{
	struct upstreams u = {.count = 3, .policy = FORWARD_ROUND_ROBIN};

	(void)state;
	for (int i = 0; i < 7; i++)
		assert_int_equal(upstreams_pick(&u, 0, 12345), i % 3);
	u.policy = FORWARD_SEQUENTIAL;
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(upstreams_pick(&u, 0, i), 0);
	assert_int_equal(upstreams_pick(&u, 1, 7), 1);
	upstream_failed(&u.items[0]);
	upstream_failed(&u.items[0]);
	assert_int_equal(upstreams_pick(&u, 0, 7), 1);
}

/* Twice failed in a row: down until a reply. */
static void down_until_a_reply(void **state)
{
	struct upstreams u = {.count = 2};

	(void)state;
	upstream_failed(&u.items[0]);
	assert_int_equal(upstreams_pick(&u, 2, 0), 0);
	upstream_failed(&u.items[0]);
	for (uint32_t random = 0; random < 4; random++)
		assert_int_equal(upstreams_pick(&u, 0, random), 1);
	assert_false(upstreams_all_down(&u));
	upstream_replied(&u.items[0]);
	assert_int_equal(upstreams_pick(&u, 0, 0), 0);
}

static void one_is_asked_when_all_are_down(void **state)
{
	struct upstreams u = {.count = 2};

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		upstream_failed(&u.items[i % 2]);
	assert_true(upstreams_all_down(&u));
	assert_true(upstreams_pick(&u, 0, 7) >= 0);
	assert_int_equal(upstreams_pick(&u, 1, 7), -1);
}

static void one_that_leads_back_is_never_asked(void **state)
{
	struct upstreams u = {.count = 2, .items = {{.loops = true}}};

	(void)state;
	for (uint32_t random = 0; random < 4; random++)
		assert_int_equal(upstreams_pick(&u, 0, random), 1);
	u.items[1].loops = true;
	assert_int_equal(upstreams_pick(&u, 0, 0), -1);
	assert_true(upstreams_all_down(&u));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chooses_among_the_good),
		cmocka_unit_test(policies),
		cmocka_unit_test(down_until_a_reply),
		cmocka_unit_test(one_is_asked_when_all_are_down),
		cmocka_unit_test(one_that_leads_back_is_never_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
