/* The serial of the SOA. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dns/zone/serial.h"

static uint32_t kept;
static unsigned kept_times;

static void keep(void *ctx, uint32_t bound)
{
	(void)ctx;
	kept = bound;
	kept_times++;
}

static struct serial_store nothing(void)
{
	return (struct serial_store){.keep = keep};
}

static struct serial_store what_is_kept(void)
{
	return (struct serial_store){.known = true, .bound = kept, .keep = keep};
}

/* RFC 1982 3.2. */
static void arithmetic(void **state)
{
	(void)state;
	assert_true(serial_newer(1, 0) && !serial_newer(0, 1) && !serial_newer(7, 7));
	assert_true(serial_newer(0, 0xffffffff) && serial_newer(0x7fffffff, 0) && !serial_newer(0, 0x7fffffff));
	assert_true(serial_newer(100, 0xffffffff - 100) && !serial_newer(0xffffffff - 100, 100));
}

static void follows_the_clock(void **state)
{
	struct serial s;
	struct serial_store store = nothing();

	(void)state;
	serial_init(&s, &store);
	assert_int_equal(serial_first(&s, 1000), 1000);
	assert_int_equal(serial_next(&s, 1000), 1001); /* within a second */
	assert_int_equal(serial_next(&s, 1000), 1002);
	assert_int_equal(serial_next(&s, 2000), 2000);
	assert_int_equal(serial_next(&s, 500), 2001); /* the clock steps back */
	assert_int_equal(serial_next(&s, 3000), 3000);
	serial_end(&s);
	assert_int_equal(kept, 3001);
}

static void a_start_is_ahead_of_what_was_published(void **state)
{
	struct serial s;
	struct serial_store store = nothing();

	(void)state;
	serial_init(&s, &store);
	serial_first(&s, 1000);
	uint32_t last = 0;
	for (unsigned i = 0; i < 10000; i++) /* faster than the clock */
		last = serial_next(&s, 1001);
	store = what_is_kept(); /* killed: no end */
	serial_init(&s, &store);
	assert_true(serial_newer(serial_first(&s, 1002), last));
	last = s.value;
	store = what_is_kept();
	serial_init(&s, &store);
	assert_true(serial_newer(serial_first(&s, 3), last)); /* the clock lost everything */
	store = what_is_kept();
	serial_init(&s, &store);
	assert_int_equal(serial_first(&s, 1000000), 1000000); /* far behind: the clock again */
}

/* One that never published leaves what an earlier one has kept. */
static void an_end_before_the_first_state(void **state)
{
	struct serial s;
	struct serial_store store = {.known = true, .bound = 5000, .keep = keep};

	(void)state;
	kept = 5000;
	serial_init(&s, &store);
	serial_end(&s);
	assert_int_equal(kept, 5000);
}

static void without_a_store(void **state)
{
	struct serial s;
	const struct serial_store none = {0};

	(void)state;
	serial_init(&s, &none);
	assert_int_equal(serial_first(&s, 10), 10);
	for (uint32_t i = 11; i < 1000; i++)
		assert_int_equal(serial_next(&s, 10), i);
	serial_end(&s);
}

/* Changes, clock steps, ends and kills in any order, around the place where the numbers wrap, too. */
static void always_newer(void **state)
{
	static const uint32_t origins[] = {1700000000, 0xffffff00, 0x7fffff00, 5};

	(void)state;
	srandom(3);
	for (size_t o = 0; o < sizeof origins / sizeof *origins; o++) {
		struct serial s;
		struct serial_store store = nothing();
		uint32_t now = origins[o];
		unsigned starts = 0, changes = 0;
		serial_init(&s, &store);
		uint32_t last = serial_first(&s, now);
		kept_times = 0;
		for (unsigned i = 0; i < 200000; i++) {
			long what = random() % 1000;
			now += (uint32_t)(random() % 3 == 0);
			if (what == 0)
				now -= (uint32_t)(random() % 100000);
			if (what == 1)
				now += (uint32_t)(random() % 100000);
			if (what == 2 || what == 3) {
				if (what == 2)
					serial_end(&s);
				store = what_is_kept();
				serial_init(&s, &store);
				starts++;
			}
			uint32_t next = what == 2 || what == 3 ? serial_first(&s, now) : serial_next(&s, now);
			changes++;
			assert_true(serial_newer(next, last));
			assert_true(serial_newer(kept, next));
			last = next;
		}
		assert_true(kept_times < 5 * starts + changes / 20); /* seldom written */
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arithmetic),
		cmocka_unit_test(follows_the_clock),
		cmocka_unit_test(a_start_is_ahead_of_what_was_published),
		cmocka_unit_test(an_end_before_the_first_state),
		cmocka_unit_test(without_a_store),
		cmocka_unit_test(always_newer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
