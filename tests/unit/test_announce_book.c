/* What is done next about each announced address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/announce_book.h"
#include "objects.h"

static const uint8_t mac[6] = {2, 0, 0, 0, 0, 1}, other_mac[6] = {2, 0, 0, 0, 0, 2};

/* At that time the address is due, and is in that state. */
static struct announced *due(const struct announce_book *b, uint64_t now_ms, const char *addr,
			     enum announced_state state)
{
	const struct addr wanted = ip(addr);
	uint64_t wait_ms;
	struct announced *a = announce_book_due(b, now_ms, &wait_ms);

	assert_non_null(a);
	assert_true(addr_equal(&a->addr, &wanted));
	assert_int_equal(a->state, state);
	return a;
}

static void idle(const struct announce_book *b, uint64_t now_ms, uint64_t wait_ms)
{
	uint64_t wait;

	assert_null(announce_book_due(b, now_ms, &wait));
	assert_int_equal(wait, wait_ms);
}

static void told_three_times_from(struct announce_book *b, const char *addr, uint64_t now_ms)
{
	for (int i = 0; i < ANNOUNCE_TIMES; i++) {
		announced_told(due(b, now_ms, addr, ANNOUNCED_OURS), now_ms);
		if (i + 1 < ANNOUNCE_TIMES)
			idle(b, now_ms, ANNOUNCE_GAP_MS);
		now_ms += ANNOUNCE_GAP_MS;
	}
	idle(b, now_ms, ANNOUNCE_IDLE);
}

static void asked_for_then_told(void **state)
{
	const struct addr wanted[] = {ip("192.168.0.200")};
	struct announce_book b = {0};
	uint64_t now = 5000;

	(void)state;
	idle(&b, now, ANNOUNCE_IDLE);
	announce_book_set(&b, wanted, 1, NULL, 0, now);
	assert_int_equal(announce_book_ours(&b), 0);
	announced_wait(due(&b, now, "192.168.0.200", ANNOUNCED_NEW), now); /* no cable */
	idle(&b, now, ANNOUNCE_WAIT_MS);
	now += ANNOUNCE_WAIT_MS;
	announced_ask(due(&b, now, "192.168.0.200", ANNOUNCED_NEW), now);
	const uint64_t asked = now;
	do {
		idle(&b, now, ANNOUNCE_LOOK_MS);
		now += ANNOUNCE_LOOK_MS;
	} while (!announced_silent(due(&b, now, "192.168.0.200", ANNOUNCED_ASKED), now));
	assert_in_range(now - asked, ANNOUNCE_ASK_MS, ANNOUNCE_ASK_MS + ANNOUNCE_SPREAD_MS + ANNOUNCE_LOOK_MS);
	assert_int_equal(announce_book_ours(&b), 1);
	idle(&b, now, ANNOUNCE_START_MS);
	now += ANNOUNCE_START_MS;
	told_three_times_from(&b, "192.168.0.200", now);
	announce_book_again(&b, now + 60000);
	told_three_times_from(&b, "192.168.0.200", now + 60000 + ANNOUNCE_START_MS);
	announce_book_fini(&b);
	assert_int_equal(b.count, 0);
}

static void another_machine_has_it(void **state)
{
	const struct addr wanted[] = {ip("192.168.0.200")};
	struct announce_book b = {0};
	struct announced *a;

	(void)state;
	announce_book_set(&b, wanted, 1, NULL, 0, 0);
	announced_ask(due(&b, 0, "192.168.0.200", ANNOUNCED_NEW), 0);
	assert_true(announced_taken(due(&b, 50, "192.168.0.200", ANNOUNCED_ASKED), mac, 50));
	idle(&b, 50, ANNOUNCE_AGAIN_MS);
	announce_book_again(&b, 60); /* nothing to tell */
	idle(&b, 60, ANNOUNCE_AGAIN_MS - 10);
	assert_int_equal(announce_book_ours(&b), 0);
	announce_book_set(&b, wanted, 1, NULL, 0, 100); /* nothing new */
	a = due(&b, 50 + ANNOUNCE_AGAIN_MS, "192.168.0.200", ANNOUNCED_TAKEN);
	announced_ask(a, 40000);
	assert_false(announced_taken(due(&b, 40050, "192.168.0.200", ANNOUNCED_ASKED), mac, 40050));
	announced_ask(a, 80000);
	assert_true(announced_taken(a, other_mac, 80050));
	announced_ask(a, 120000);
	assert_true(announced_silent(a, 120000 + ANNOUNCE_ASK_MS + ANNOUNCE_SPREAD_MS));
	assert_int_equal(announce_book_ours(&b), 1);
	announce_book_fini(&b);
}

static void what_an_earlier_process_left_is_not_asked_for(void **state)
{
	const struct addr wanted[] = {ip("192.168.0.200"), ip("192.168.0.201")};
	const struct addr present[] = {ip("192.168.0.7"), ip("192.168.0.201")};
	struct announce_book b = {0};

	(void)state;
	announce_book_set(&b, wanted, 2, present, 2, 0);
	announced_ask(due(&b, 0, "192.168.0.200", ANNOUNCED_NEW), 0);
	due(&b, ANNOUNCE_START_MS, "192.168.0.201", ANNOUNCED_OURS);
	assert_int_equal(announce_book_ours(&b), 1);
	announce_book_fini(&b);
}

static void addresses_come_and_go(void **state)
{
	const struct addr first[] = {ip("192.168.0.200"), ip("192.168.0.202")};
	const struct addr second[] = {ip("192.168.0.201"), ip("192.168.0.202")};
	struct announce_book b = {0};

	(void)state;
	announce_book_set(&b, first, 2, first, 2, 0);
	assert_int_equal(announce_book_ours(&b), 2);
	announce_book_set(&b, second, 2, first, 2, 10);
	assert_null(announce_book_find(&b, &first[0]));
	assert_int_equal(announce_book_find(&b, &second[0])->state, ANNOUNCED_NEW);
	assert_false(announce_book_settled(&b));
	announced_taken(due(&b, 10, "192.168.0.201", ANNOUNCED_NEW), mac, 10);
	assert_true(announce_book_settled(&b));
	assert_int_equal(announce_book_find(&b, &second[0])->state, ANNOUNCED_TAKEN);
	assert_int_equal(announce_book_find(&b, &second[1])->state, ANNOUNCED_OURS);
	announce_book_set(&b, NULL, 0, second, 2, 20);
	assert_int_equal(b.count, 0);
	assert_null(announce_book_find(&b, &first[0]));
	announce_book_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asked_for_then_told),
		cmocka_unit_test(another_machine_has_it),
		cmocka_unit_test(what_an_earlier_process_left_is_not_asked_for),
		cmocka_unit_test(addresses_come_and_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
