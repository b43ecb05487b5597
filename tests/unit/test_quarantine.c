/* A service that the kernel refuses for good holds back nobody but itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <errno.h>

#include "proxy/quarantine.h"
#include "tests/unit/sync_scene.h"

#define POISON 6666

static struct scene s;
static uint64_t now_ms;

static int quarantine_setup(void **state)
{
	(void)state;
	log_set_level(LOG_WARN);
	s = (struct scene){0};
	scene_start(&s);
	now_ms = 1000;
	kernel.poison_port = POISON;
	return 0;
}

static int quarantine_teardown(void **state)
{
	(void)state;
	scene_end(&s);
	fakes_fini();
	return 0;
}

static void put(const char *name, const char *cluster_ip, uint16_t port)
{
	struct arena *arenas[] = {arena_new(256), arena_new(256)};
	struct service_object *service = make_service(arenas[0], name, cluster_ip);
	struct slice_object *slice = make_slice(arenas[1], name, "", IPPROTO_TCP, port, "10.0.0.1");

	service->object.arena = arenas[0];
	service->object.digest = 1;
	add_port(arenas[0], service, "", IPPROTO_TCP, 80, 0);
	s.sink.upsert(s.sink.ctx, &service->object);
	slice->object.arena = arenas[1];
	slice->object.digest = ++s.serial;
	slice->service_name = name;
	s.sink.upsert(s.sink.ctx, &slice->object);
}

static void gone(const char *name)
{
	s.sink.remove(s.sink.ctx, OBJECT_SLICE, "default", name);
	s.sink.remove(s.sink.ctx, OBJECT_SERVICE, "default", name);
}

/* Turns until nothing is due soon. Returns after how many. */
static unsigned settle(void)
{
	unsigned turns = 0;

	for (uint64_t wait = 0; wait < QUARANTINE_MEMORY_RETRY_MS; turns++) {
		now_ms += wait;
		wait = sync_turn(s.sync, now_ms);
		assert_true(turns < 50);
	}
	return turns;
}

/* Where connections to a ClusterIP go; 0: nowhere. */
static unsigned port_of(const char *cluster_ip)
{
	const struct addr addr = ip(cluster_ip);

	for (size_t i = 0; i < kernel.table.count; i++)
		if (kernel.table.items[i].set == SET_ENDPOINTS && addr_equal(&kernel.table.items[i].daddr, &addr))
			return kernel.table.items[i].to_port;
	return 0;
}

static void start(void)
{
	put("bad", "10.96.0.1", 8080);
	put("web", "10.96.0.2", 8080);
	s.sink.complete(s.sink.ctx);
	settle();
	happened();
}

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

/* What asks for too much is not even compiled; its last good version stays, and others are not held up. */
static void over_the_budget(void **state)
{
	(void)state;
	s.max_elements = 8;
	sync_free(s.sync);
	sync_make(&s);
	start();
	struct arena *arena = arena_new(4096);
	struct service_object *wide = make_service(arena, "bad", "10.96.0.1");
	for (uint16_t i = 0; i < 10; i++)
		add_port(arena, wide, arena_printf(arena, "p%u", i), IPPROTO_TCP, (uint16_t)(100 + i), 0);
	wide->object.arena = arena;
	wide->object.digest = 2;
	s.sink.upsert(s.sink.ctx, &wide->object);
	put("web", "10.96.0.2", 8081);
	settle();
	assert_int_equal(port_of("10.96.0.1"), 8080);
	assert_int_equal(port_of("10.96.0.2"), 8081);
	assert_int_equal(sync_stats(s.sync)->quarantined, 1);
	assert_non_null(strstr(store_service(s.store, "default", "bad")->refusal, "--max-service-elements is 8"));
	gone("bad");
	settle();
	assert_int_equal(port_of("10.96.0.1"), 0);
	assert_int_equal(sync_stats(s.sync)->quarantined, 0);
}

static uint64_t used_bytes; /* of memory, as the test has it */

static bool memory_used(void *ctx, uint64_t *bytes)
{
	(void)ctx;
	*bytes = used_bytes;
	return true;
}

static void put_wide(const char *name, const char *cluster_ip, uint16_t ports)
{
	struct arena *arena = arena_new(4096);
	struct service_object *wide = make_service(arena, name, cluster_ip);

	for (uint16_t i = 0; i < ports; i++)
		add_port(arena, wide, arena_printf(arena, "p%u", i), IPPROTO_TCP, (uint16_t)(100 + i), 0);
	wide->object.arena = arena;
	wide->object.digest = 1000 + ports;
	s.sink.upsert(s.sink.ctx, &wide->object);
}

/* The Service that grows beyond the memory target is held, others are served, and it is tried again by itself. */
static void short_of_memory(void **state)
{
	(void)state;
	s.memory = (struct memory_target){.target_bytes = 100 << 20, .limit_bytes = 110 << 20, .used = memory_used};
	sync_free(s.sync);
	sync_make(&s);
	used_bytes = (99 << 20) - 65536;
	start();
	put_wide("bad", "10.96.0.1", 1000); /* 4 000 elements: 2.5 MB */
	put("web", "10.96.0.2", 8081);
	put("new", "10.96.0.3", 8081);
	settle();
	assert_int_equal(port_of("10.96.0.1"), 8080);
	assert_int_equal(port_of("10.96.0.2"), 8081);
	assert_int_equal(port_of("10.96.0.3"), 8081);
	assert_int_equal(sync_stats(s.sync)->quarantined, 1);
	assert_non_null(strstr(store_service(s.store, "default", "bad")->refusal,
			       "needs about 3 MB of memory, 1 MB are left to the target of 100 MB"));

	/* above the reserve nothing grows any more, but what does not grow changes all the same */
	used_bytes = 106 << 20;
	now_ms += 2000;
	put("newer", "10.96.0.4", 8080);
	put("web", "10.96.0.2", 8082);
	settle();
	assert_int_equal(port_of("10.96.0.2"), 8082);
	assert_int_equal(port_of("10.96.0.4"), 0);
	assert_int_equal(sync_stats(s.sync)->quarantined, 2);
	assert_int_equal(sync_turn(s.sync, now_ms), QUARANTINE_MEMORY_RETRY_MS);

	used_bytes = 10 << 20;
	now_ms += QUARANTINE_MEMORY_RETRY_MS;
	settle();
	assert_int_equal(port_of("10.96.0.4"), 8080);
	assert_int_equal(sync_stats(s.sync)->quarantined, 0);
	assert_int_equal(store_service(s.store, "default", "bad")->current->port_count, 1000);
	assert_int_equal(sync_turn(s.sync, now_ms), SYNC_IDLE);
}

/* What several of one turn need adds up before any of it shows in what is used. */
static void needs_of_a_turn_add_up(void **state)
{
	(void)state;
	s.memory = (struct memory_target){.target_bytes = 100 << 20, .limit_bytes = 110 << 20, .used = memory_used};
	sync_free(s.sync);
	sync_make(&s);
	used_bytes = 99 << 20;
	start();
	put_wide("one", "10.96.0.3", 100); /* 800 elements are counted: 0.5 MB */
	put_wide("two", "10.96.0.4", 101);
	put_wide("three", "10.96.0.5", 102);
	settle();
	assert_int_equal(sync_stats(s.sync)->quarantined, 1);
	assert_non_null(store_service(s.store, "default", "one")->current);
	assert_non_null(store_service(s.store, "default", "two")->current);
	assert_non_null(store_service(s.store, "default", "three")->refusal);
}

/* One refusal may be a race, and two of different services are none of either. */
static void one_refusal_holds_nobody(void **state)
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

#define QUARANTINE_TEST(name) cmocka_unit_test_setup_teardown(name, quarantine_setup, quarantine_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		QUARANTINE_TEST(keeps_its_last_good_version),
		QUARANTINE_TEST(over_the_budget),
		QUARANTINE_TEST(short_of_memory),
		QUARANTINE_TEST(needs_of_a_turn_add_up),
		QUARANTINE_TEST(one_refusal_holds_nobody),
		QUARANTINE_TEST(at_start_others_are_served),
		QUARANTINE_TEST(tried_again_after_a_long_time),
		QUARANTINE_TEST(a_published_version_turns_out_bad),
		QUARANTINE_TEST(a_quarantined_service_can_be_deleted),
		QUARANTINE_TEST(an_address_is_not_lost_to_a_quarantined_service),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
