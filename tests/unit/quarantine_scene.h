/*
 * A scene with services "bad" and "web" whose sync runs until nothing is due soon. Include after <cmocka.h>, in one
 * file of a test program.
 */
#ifndef TESTS_QUARANTINE_SCENE_H
#define TESTS_QUARANTINE_SCENE_H

#include <errno.h>
#include <stdlib.h>

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

#define QUARANTINE_TEST(name) cmocka_unit_test_setup_teardown(name, quarantine_setup, quarantine_teardown)

#endif
