/* The soft limit of descriptors goes up to the hard one, and no further; Services get half of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/resource.h>

#include "base/descriptors.h"

static void soft_limit_becomes_the_hard_one(void **state)
{
	const struct rlimit low = {.rlim_cur = 128, .rlim_max = 512};
	struct rlimit now;

	(void)state;
	assert_true(descriptors_take(1000000)); /* no limit before */
	descriptors_give(1000000);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	assert_int_equal(descriptors_raise(), 512);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &now), 0);
	assert_int_equal(now.rlim_cur, 512);
	assert_int_equal(now.rlim_max, 512);
	assert_int_equal(descriptors_raise(), 512); /* again is fine */
}

static void services_have_their_part(void **state)
{
	(void)state;
	assert_int_equal(descriptors_raise(), 512);
	assert_int_equal(descriptors_own(), 256);
	assert_int_equal(descriptors_left(), 256);
	assert_true(descriptors_take(200));
	assert_false(descriptors_take(57));
	assert_int_equal(descriptors_left(), 56);
	assert_true(descriptors_take(56));
	assert_false(descriptors_take(1));
	descriptors_give(256);
	assert_int_equal(descriptors_left(), 256);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(soft_limit_becomes_the_hard_one),
					   cmocka_unit_test(services_have_their_part)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
