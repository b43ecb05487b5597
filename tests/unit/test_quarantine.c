/* A service that the kernel refuses for good holds back only itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/quarantine_scene.h"

static void keeps_its_last_good_version(void **state)
{
	(void)state;
	start();
	put("bad", "10.96.0.1", POISON);
	put("web", "10.96.0.2", 8081);
	settle();
	assert_string_equal(happened(), "commit -1 +1;publish web;");
	assert_int_equal(port_of("10.96.0.1"), 8080);
	assert_int_equal(port_of("10.96.0.2"), 8081);
	assert_int_equal(sync_stats(s.sync)->quarantined, 1);
	assert_true(sync_stats(s.sync)->in_sync);
	assert_non_null(strstr(store_service(s.store, "default", "bad")->refusal, "the test says no"));

	/* nothing more of it until something changes */
	uint64_t refused = sync_stats(s.sync)->refused;
	put("web", "10.96.0.2", 8082);
	settle();
	assert_int_equal(sync_stats(s.sync)->refused, refused);
	assert_int_equal(port_of("10.96.0.2"), 8082);
	happened();
	put("bad", "10.96.0.1", 8088);
	settle();
	assert_string_equal(happened(), "commit -1 +1;publish bad;");
	assert_int_equal(sync_stats(s.sync)->quarantined, 0);
	assert_null(store_service(s.store, "default", "bad")->refusal);
}

/* One refusal may be a race, and two of different services are none of either. */
static void one_refusal_holds_no_other(void **state)
{
	(void)state;
	start();
	put("bad", "10.96.0.1", POISON);
	assert_int_equal(sync_turn(s.sync, now_ms), 100);
	assert_int_equal(sync_stats(s.sync)->quarantined, 0);
	kernel.poison_port = 0;
	settle();
	assert_string_equal(happened(), "commit -1 +1;publish bad;");
	kernel.poison_port = 6667;
	put("bad", "10.96.0.1", 6667);
	assert_int_equal(sync_turn(s.sync, now_ms), 100); /* one more, but not in a row */
	kernel.poison_port = 0;
	settle();

	kernel.poison_port = 7777;
	put("web", "10.96.0.2", 7777);
	assert_int_equal(sync_turn(s.sync, now_ms), 100);
	kernel.fail = -EBUSY; /* something else in between */
	now_ms += 100;
	assert_int_equal(sync_turn(s.sync, now_ms), 200);
	now_ms += 200;
	assert_int_equal(sync_turn(s.sync, now_ms), 400);
	assert_int_equal(sync_stats(s.sync)->quarantined, 0);
	now_ms += 400;
	assert_int_equal(sync_turn(s.sync, now_ms), 0);
	assert_int_equal(sync_stats(s.sync)->quarantined, 1);
}

static void at_start_others_are_served(void **state)
{
	(void)state;
	put("bad", "10.96.0.1", POISON);
	put("evil", "10.96.0.3", POISON);
	put("web", "10.96.0.2", 8080);
	s.sink.complete(s.sink.ctx);
	settle();
	assert_string_equal(happened(), "load 3;publish web;complete;");
	assert_int_equal(sync_stats(s.sync)->quarantined, 2);
	assert_true(sync_stats(s.sync)->done);
	gone("bad");
	gone("evil");
	settle();
	assert_string_equal(happened(), "");
	assert_int_equal(sync_stats(s.sync)->quarantined, 0);
	assert_null(store_service(s.store, "default", "bad"));
}

static void tried_again_after_a_long_time(void **state)
{
	(void)state;
	start();
	put("bad", "10.96.0.1", POISON);
	settle();
	assert_int_equal(sync_turn(s.sync, now_ms), QUARANTINE_RETRY_MS);
	uint64_t refused = sync_stats(s.sync)->refused;
	now_ms += QUARANTINE_RETRY_MS;
	settle();
	assert_int_equal(sync_stats(s.sync)->refused, refused + 1); /* it is known: once is enough */
	assert_int_equal(port_of("10.96.0.1"), 8080);
	kernel.poison_port = 0;
	now_ms += QUARANTINE_RETRY_MS;
	settle();
	assert_int_equal(port_of("10.96.0.1"), POISON);
	assert_int_equal(sync_stats(s.sync)->quarantined, 0);
	assert_int_equal(sync_turn(s.sync, now_ms), SYNC_IDLE);
}

/* One that is refused again and again does not put off the others. */
static void a_hold_does_not_postpone_the_others(void **state)
{
	(void)state;
	start();
	put("bad", "10.96.0.1", POISON);
	settle();
	for (uint64_t passed_ms = 0; passed_ms < QUARANTINE_RETRY_MS; passed_ms += QUARANTINE_RETRY_MS / 4) {
		put("web", "10.96.0.2", POISON);
		settle();
		now_ms += QUARANTINE_RETRY_MS / 4;
	}
	kernel.poison_port = 0;
	settle();
	assert_int_equal(port_of("10.96.0.1"), POISON);
	assert_int_equal(sync_stats(s.sync)->quarantined, 0);
}

static void a_quarantined_service_can_be_deleted(void **state)
{
	(void)state;
	start();
	put("bad", "10.96.0.1", POISON);
	settle();
	gone("bad");
	settle();
	assert_string_equal(happened(), "commit -3 +0;withdraw bad;");
	assert_int_equal(sync_stats(s.sync)->quarantined, 0);
	assert_null(store_service(s.store, "default", "bad"));
}

/* What it asks for while it is in quarantine belongs to whom it belonged before. */
static void an_address_is_not_lost_to_a_quarantined_service(void **state)
{
	(void)state;
	start();
	put("a", "10.96.0.2", POISON); /* before "web" by name: it would own web's address */
	settle();
	assert_int_equal(port_of("10.96.0.2"), 8080);
	put("web", "10.96.0.2", 8081);
	settle();
	assert_int_equal(port_of("10.96.0.2"), 8081);
	assert_int_equal(sync_stats(s.sync)->quarantined, 1);
}

/* What it asks for under an address of another service is sent only when that one leaves: there is no good version. */
static void a_published_version_turns_out_bad(void **state)
{
	(void)state;
	start();
	put("z", "10.96.0.2", POISON); /* "web" owns the address */
	settle();
	assert_int_equal(sync_stats(s.sync)->quarantined, 0);
	gone("web");
	put("bad", "10.96.0.1", 8081);
	uint64_t refused = sync_stats(s.sync)->refused;
	settle();
	assert_int_equal(sync_stats(s.sync)->refused, refused + QUARANTINE_AFTER_PUBLISHED);
	assert_int_equal(port_of("10.96.0.1"), 8081);
	assert_int_equal(port_of("10.96.0.2"), 0);
	assert_int_equal(sync_stats(s.sync)->quarantined, 1);
	assert_non_null(strstr(happened(), "withdraw z;"));
	assert_non_null(store_service(s.store, "default", "z")->refusal);
	put("z", "10.96.0.2", 8080);
	settle();
	assert_int_equal(port_of("10.96.0.2"), 8080);
	assert_int_equal(sync_stats(s.sync)->quarantined, 0);
}

/* Until nothing is due now. */
static void turns(void)
{
	for (unsigned n = 0; sync_turn(s.sync, now_ms) == 0; n++)
		assert_true(n < 50);
}

/* Each try costs a look at the whole table. */
static void edits_of_rejected_services_are_bounded(void **state)
{
	(void)state;
	start();
	put("bad", "10.96.0.1", POISON);
	put("evil", "10.96.0.3", POISON);
	settle();
	assert_int_equal(sync_stats(s.sync)->quarantined, 2);
	const uint64_t refused = sync_stats(s.sync)->refused;
	const unsigned dumps = kernel.dumps;
	for (int i = 0; i < 100; i++) { /* in 10 s */
		put("bad", "10.96.0.1", POISON);
		put("evil", "10.96.0.3", POISON);
		put("web", "10.96.0.2", (uint16_t)(8081 + i));
		now_ms += 100;
		turns();
		assert_int_equal(port_of("10.96.0.2"), 8081 + i);
		assert_int_equal(port_of("10.96.0.1"), 8080);
	}
	assert_in_range(sync_stats(s.sync)->refused, refused + 2, refused + 3);
	assert_in_range(kernel.dumps, dumps + 2, dumps + 3);
}

/* The first edit after a rejection is tried at once, others in their turn; one that is fine sets the others free. */
static void a_rejected_service_is_tried_again_soon(void **state)
{
	(void)state;
	start();
	put("bad", "10.96.0.1", POISON);
	put("evil", "10.96.0.3", POISON);
	settle();
	put("bad", "10.96.0.1", POISON);
	turns();
	put("evil", "10.96.0.3", 8089);
	turns();
	assert_int_equal(port_of("10.96.0.3"), 0);
	assert_non_null(store_service(s.store, "default", "evil")->refusal);
	put("bad", "10.96.0.1", POISON); /* again and again: it has had its turn */
	assert_in_range(sync_turn(s.sync, now_ms), 1, QUARANTINE_REJECTED_PAUSE_MS);
	now_ms += QUARANTINE_REJECTED_PAUSE_MS;
	put("bad", "10.96.0.1", POISON);
	turns();
	assert_int_equal(port_of("10.96.0.3"), 8089);
	put("bad", "10.96.0.1", 8088);
	now_ms += QUARANTINE_REJECTED_PAUSE_MS;
	turns();
	assert_int_equal(port_of("10.96.0.1"), 8088);
	assert_int_equal(sync_stats(s.sync)->quarantined, 0);
	assert_int_equal(sync_turn(s.sync, now_ms), SYNC_IDLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		QUARANTINE_TEST(keeps_its_last_good_version),
		QUARANTINE_TEST(one_refusal_holds_no_other),
		QUARANTINE_TEST(at_start_others_are_served),
		QUARANTINE_TEST(tried_again_after_a_long_time),
		QUARANTINE_TEST(a_published_version_turns_out_bad),
		QUARANTINE_TEST(a_hold_does_not_postpone_the_others),
		QUARANTINE_TEST(a_quarantined_service_can_be_deleted),
		QUARANTINE_TEST(edits_of_rejected_services_are_bounded),
		QUARANTINE_TEST(a_rejected_service_is_tried_again_soon),
		QUARANTINE_TEST(an_address_is_not_lost_to_a_quarantined_service),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
