/* What asks for too much, of the kernel or of memory, keeps its last good version and holds back no other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/quarantine_scene.h"

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

/* Instead of being held a Service with many ports has smaller Maglev tables: of another size it would be too large. */
static void maglev_tables_follow_the_budget(void **state)
{
	(void)state;
	s.max_elements = 8 * 1024;
	sync_free(s.sync);
	sync_make(&s);
	start();
	for (uint16_t ports = 1; ports <= 3; ports++) {
		struct arena *arena = arena_new(4096);
		struct service_object *o = make_service(arena, "web", "10.96.0.2");
		for (uint16_t i = 0; i < ports * ports; i++)
			add_port(arena, o, "", IPPROTO_TCP, (uint16_t)(80 + i), 0);
		o->balance = BALANCE_MAGLEV;
		o->object.arena = arena;
		o->object.digest = 100 + ports;
		s.sink.upsert(s.sink.ctx, &o->object);
		settle();
		const struct service *web = store_service(s.store, "default", "web")->current;
		assert_int_equal(web->port_count, ports * ports);
		assert_int_equal(web->maglev_slots, ports == 3 ? 256 : ports == 2 ? 1024 : 4096);
		for (uint16_t i = 0; i < web->port_count; i++)
			assert_int_equal(web->ports[i].cluster.size, web->maglev_slots);
		assert_int_equal(sync_stats(s.sync)->quarantined, 0);
	}
}

static bool is_held(const char *name)
{
	return store_service(s.store, "default", name)->refusal != NULL;
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

/* A restart takes no more than there was: what the kernel serves stays, but what grew meanwhile is asked for. */
static void restart_at_the_memory_target(void **state)
{
	(void)state;
	s.memory = (struct memory_target){.target_bytes = 100 << 20, .limit_bytes = 110 << 20, .used = memory_used};
	start();
	put_wide("wide", "10.96.0.3", 1000);
	put_wide("bad", "10.96.0.1", 10);
	settle();
	happened();
	scene_end(&s);
	answers_fini();
	used_bytes = 120 << 20;
	scene_start(&s);
	put_wide("bad", "10.96.0.1", 1000);
	put("web", "10.96.0.2", 8080);
	put("new", "10.96.0.4", 8080);
	put_wide("wide", "10.96.0.3", 990);
	s.sink.complete(s.sink.ctx);
	settle();
	assert_int_equal(port_of("10.96.0.2"), 8080);
	assert_int_equal(store_service(s.store, "default", "wide")->current->port_count, 990);
	assert_true(is_held("bad"));
	assert_true(is_held("new"));
	assert_int_equal(sync_stats(s.sync)->quarantined, 2);
	used_bytes = 10 << 20;
	now_ms += QUARANTINE_MEMORY_RETRY_MS;
	settle();
	assert_int_equal(sync_stats(s.sync)->quarantined, 0);
	/* later on it is asked for all of it */
	used_bytes = 120 << 20;
	put_wide("wide", "10.96.0.3", 2000);
	settle();
	assert_true(is_held("wide"));
}

/* Those that come and do not fit do not put off the one that would fit by now. */
static void a_hold_for_memory_does_not_postpone_the_others(void **state)
{
	(void)state;
	s.memory = (struct memory_target){.target_bytes = 100 << 20, .limit_bytes = 110 << 20, .used = memory_used};
	sync_free(s.sync);
	sync_make(&s);
	used_bytes = 10 << 20;
	start();
	used_bytes = 120 << 20;
	now_ms += 1000;
	put("new", "10.96.0.3", 8080);
	settle();
	assert_true(is_held("new"));
	used_bytes = 98 << 20;
	for (uint16_t i = 0; i < 3; i++) {
		put_wide("wide", "10.96.0.4", (uint16_t)(2000 + i));
		settle();
		now_ms += QUARANTINE_MEMORY_RETRY_MS / 2;
	}
	assert_false(is_held("new"));
	assert_true(is_held("wide"));
}

/* An older version that reaches the kernel is no reason to forget that the newest is held. */
static void held_while_an_older_version_waits(void **state)
{
	(void)state;
	s.memory = (struct memory_target){.target_bytes = 100 << 20, .limit_bytes = 110 << 20, .used = memory_used};
	sync_free(s.sync);
	sync_make(&s);
	start();
	put("bad", "10.96.0.1", 8081);
	kernel.fail = -EBUSY;
	assert_int_equal(sync_turn(s.sync, now_ms), 100);
	used_bytes = 120 << 20;
	put_wide("bad", "10.96.0.1", 300); /* not large: compiled in a common turn */
	now_ms += 1000;
	settle();
	assert_int_equal(store_service(s.store, "default", "bad")->current->port_count, 1);
	assert_int_equal(port_of("10.96.0.1"), 8081);
	assert_true(is_held("bad"));
	assert_int_equal(sync_stats(s.sync)->quarantined, 1);
	used_bytes = 10 << 20;
	now_ms += QUARANTINE_MEMORY_RETRY_MS;
	settle();
	assert_int_equal(store_service(s.store, "default", "bad")->current->port_count, 300);
	assert_false(is_held("bad"));
	assert_int_equal(sync_stats(s.sync)->quarantined, 0);
}

static void put_ranges(const char *name, const char *cluster_ip, const char *ingress, size_t count)
{
	struct arena *arena = arena_new(4096);
	struct service_object *o = make_service(arena, name, cluster_ip);
	struct cidr *ranges = arena_array(arena, count, sizeof *ranges);

	for (size_t i = 0; i < count; i++)
		ranges[i] = (struct cidr){{AF_INET, {20, (uint8_t)(i >> 8), (uint8_t)i, 0}}, 24};
	o->type = SERVICE_LOAD_BALANCER;
	o->source_ranges = ranges;
	o->source_range_count = count;
	add_port(arena, o, "", IPPROTO_TCP, 80, 0);
	add_ingress(arena, o, ingress, false);
	o->object.arena = arena;
	o->object.digest = ++s.serial + 100000;
	s.sink.upsert(s.sink.ctx, &o->object);
}

/* The kernel's set of source ranges is one of all services: it must not grow without end. A few ranges always fit. */
static void source_ranges_of_all_services(void **state)
{
	(void)state;
	start();
	put_ranges("a", "10.96.1.1", "203.0.113.1", 5000);
	settle();
	put_ranges("b", "10.96.1.2", "203.0.113.2", 5000);
	put_ranges("c", "10.96.1.3", "203.0.113.3", 100);
	settle();
	assert_false(is_held("a"));
	assert_true(is_held("b"));
	assert_false(is_held("c"));
	assert_non_null(
		strstr(store_service(s.store, "default", "b")->refusal,
		       "asks for up to 5001 source ranges (addresses x ports x ranges), of 8192 for all Services"));
	gone("a");
	settle();
	put_ranges("b", "10.96.1.2", "203.0.113.2", 5001);
	settle();
	assert_false(is_held("b"));
	put_ranges("b", "10.96.1.2", "203.0.113.2", 1); /* what it had is free again */
	put_ranges("d", "10.96.1.4", "203.0.113.4", 8000);
	settle();
	assert_false(is_held("d"));
	assert_int_equal(sync_stats(s.sync)->quarantined, 0);
}

/* Nor by many Services of one namespace that have a few each. */
static void a_few_of_a_namespace(void **state)
{
	static char names[60][16];
	char ip[32], ingress[32];
	unsigned held = 0;

	(void)state;
	start();
	for (unsigned i = 0; i < 60; i++) {
		snprintf(names[i], sizeof names[i], "few-%u", i);
		snprintf(ip, sizeof ip, "10.96.2.%u", i);
		snprintf(ingress, sizeof ingress, "203.0.113.%u", i);
		put_ranges(names[i], ip, ingress, 255); /* and one for the address itself */
		settle();
	}
	for (unsigned i = 0; i < 60; i++)
		held += is_held(names[i]);
	assert_int_equal(held, 60 - (4096 + 8192) / 256);
	for (unsigned i = 0; i < 60; i++) {
		gone(names[i]);
		settle();
	}
	put_ranges("a", "10.96.1.1", "203.0.113.1", 8000); /* all is given back */
	settle();
	assert_false(is_held("a"));
}

static struct element element_to(uint16_t port)
{
	size_t i = 0;

	while (i < kernel.table.count && kernel.table.items[i].to_port != port)
		i++;
	assert_true(i < kernel.table.count);
	return kernel.table.items[i];
}

/* A version that the kernel refuses takes nothing from the others, nor from its own next version. */
static void a_refused_version_gives_back(void **state)
{
	(void)state;
	put("a", "10.96.1.1", POISON);
	put_ranges("a", "10.96.1.1", "203.0.113.1", 5000);
	start(); /* all at once */
	assert_true(is_held("a"));
	assert_int_equal(store_service(s.store, "default", "a")->asks.elements, 0);
	put_ranges("b", "10.96.1.2", "203.0.113.2", 5000);
	settle();
	assert_false(is_held("b"));
	gone("b");
	settle();

	put("c", "10.96.1.3", 8080);
	settle();
	const uint64_t before = store_service(s.store, "default", "c")->asks.elements;
	put("c", "10.96.1.3", POISON);
	put_ranges("c", "10.96.1.3", "203.0.113.3", 20);
	settle();
	assert_true(is_held("c"));
	assert_int_equal(store_service(s.store, "default", "c")->asks.elements, before);
	assert_int_equal(store_service(s.store, "default", "c")->asks.ranges, 0);
}

/* One that the kernel had, but does not take again after another program's change, is withdrawn. */
static void a_withdrawn_version_gives_back(void **state)
{
	(void)state;
	kernel.poison_port = 0;
	put("z", "10.96.1.1", POISON);
	put_ranges("z", "10.96.1.1", "203.0.113.1", 5000);
	start();
	assert_false(is_held("z"));
	kernel.poison_port = POISON;
	const struct element e = element_to(POISON);
	external_del(&e);
	settle();
	assert_true(is_held("z"));
	assert_null(store_service(s.store, "default", "z")->current);
	put_ranges("b", "10.96.1.2", "203.0.113.2", 5000);
	settle();
	assert_false(is_held("b"));
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		QUARANTINE_TEST(over_the_budget),
		QUARANTINE_TEST(maglev_tables_follow_the_budget),
		QUARANTINE_TEST(short_of_memory),
		QUARANTINE_TEST(needs_of_a_turn_add_up),
		QUARANTINE_TEST(a_refused_version_gives_back),
		QUARANTINE_TEST(a_withdrawn_version_gives_back),
		QUARANTINE_TEST(a_hold_for_memory_does_not_postpone_the_others),
		QUARANTINE_TEST(held_while_an_older_version_waits),
		QUARANTINE_TEST(restart_at_the_memory_target),
		QUARANTINE_TEST(source_ranges_of_all_services),
		QUARANTINE_TEST(a_few_of_a_namespace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
