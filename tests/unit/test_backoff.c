/* Pauses between attempts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "watch/api/backoff.h"

/* Every wait lies in half of…the whole doubled step, never under 0.2 s nor over 30 s, for any seed. */
static void bounds(void **state)
{
	static const uint32_t steps_ms[] = {400, 800, 1600, 3200, 6400, 12800, 25600, 30000, 30000};
	struct backoff b;

	(void)state;
	for (uint64_t seed = 0; seed < 500; seed++) {
		backoff_init(&b, seed);
		for (size_t i = 0; i < sizeof steps_ms / sizeof *steps_ms; i++)
			assert_in_range(backoff_next_ms(&b), steps_ms[i] / 2, steps_ms[i]);
		for (int i = 0; i < 100; i++)
			backoff_next_ms(&b);
		assert_in_range(backoff_next_ms(&b), 15000, 30000);
		backoff_reset(&b);
		assert_in_range(backoff_next_ms(&b), 200, 400);
	}
}

/* Two nodes that fail at the same moment must not come back at the same moment. */
static void spread(void **state)
{
	uint32_t low = UINT32_MAX, high = 0;
	struct backoff b;

	(void)state;
	for (uint64_t seed = 1; seed <= 200; seed++) {
		backoff_init(&b, seed * 7919);
		uint32_t wait_ms = backoff_next_ms(&b);
		low = wait_ms < low ? wait_ms : low;
		high = wait_ms > high ? wait_ms : high;
	}
	assert_true(high - low > 150);
}

static void retry_after(void **state)
{
	struct backoff b;

	(void)state;
	backoff_init(&b, 1);
	assert_in_range(backoff_asked_ms(&b, 7000), 7000, 8000);
	assert_in_range(backoff_asked_ms(&b, 1000), 1000, 1250);
	assert_in_range(backoff_asked_ms(&b, UINT32_MAX), BACKOFF_ASKED_LIMIT_MS, BACKOFF_ASKED_LIMIT_MS + 1000);
	assert_in_range(backoff_asked_ms(&b, 0), 1600, 3200); /* the fourth failure, no wish */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bounds),
		cmocka_unit_test(spread),
		cmocka_unit_test(retry_after),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
