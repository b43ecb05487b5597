/*
 * A store and its sync on the kernel and the zone of fakekernel.h, with one service, web. Include after <cmocka.h>, in
 * one file of a test program.
 */
#ifndef TESTS_SYNC_SCENE_H
#define TESTS_SYNC_SCENE_H

#include <stdlib.h>

#include "base/log.h"
#include "proxy/sync.h"
#include "tests/unit/fakekernel.h"
#include "tests/unit/objects.h"

struct scene {
	bool no_proxy;
	uint64_t min_sync_period_ms, max_elements;
	struct memory_target memory;
	struct cidr_list service_cidrs, cluster_cidrs;
	struct node node;
	struct store *store;
	struct sync *sync;
	struct sink sink;
	uint64_t serial; /* every put is a change */
};

static void ignore_change(void *ctx, const struct object *prev, const struct object *next)
{
	(void)ctx, (void)prev, (void)next;
}

static void ignore(void *ctx)
{
	(void)ctx;
}

static void sync_make(struct scene *s)
{
	const struct sync_config config = {.store = s->store,
					   .nft = s->no_proxy ? NULL : &kernel,
					   .zone = &answers,
					   .node = &s->node,
					   .table = "fairlead",
					   .ranges = {&s->service_cidrs, &s->cluster_cidrs},
					   .max_elements = s->max_elements,
					   .memory = s->memory,
					   .min_period_ms = s->min_sync_period_ms};
	s->sync = sync_new(&config);
}

/* A store, empty, and its sync. */
static void scene_start(struct scene *s)
{
	static const struct store_listener listener = {
		.changed = ignore_change, .complete = ignore, .turn_end = ignore};

	s->store = store_new(&listener);
	s->sink = store_sink(s->store);
	sync_make(s);
}

static void scene_end(struct scene *s)
{
	sync_free(s->sync);
	store_free(s->store);
}

static inline int setup(void **state)
{
	struct scene *s = mem_alloc(sizeof *s);

	log_set_level(LOG_WARN);
	scene_start(s);
	*state = s;
	return 0;
}

static inline int teardown(void **state)
{
	struct scene *s = *state;

	scene_end(s);
	fakes_fini();
	free(s);
	return 0;
}

#define SYNC_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static inline void put_service(struct scene *s, const char *name, const char *cluster_ip)
{
	struct arena *arena = arena_new(256);
	struct service_object *o = make_service(arena, name, cluster_ip);

	o->object.arena = arena;
	o->object.digest = ++s->serial;
	add_port(arena, o, "", IPPROTO_TCP, 80, 0);
	s->sink.upsert(s->sink.ctx, &o->object);
}

static inline void put_slice(struct scene *s, const char *service, const char *endpoints)
{
	struct arena *arena = arena_new(256);
	struct slice_object *o = make_slice(arena, service, "", IPPROTO_TCP, 8080, endpoints);

	o->object.arena = arena;
	o->object.digest = ++s->serial;
	o->service_name = service;
	s->sink.upsert(s->sink.ctx, &o->object);
}

/* web: ClusterIP, one endpoint: verdict, slot, ClusterIP = 3 elements. */
static inline void start_with_web(struct scene *s)
{
	put_service(s, "web", "10.96.0.1");
	put_slice(s, "web", "10.0.0.1");
	s->sink.complete(s->sink.ctx);
	assert_int_equal(sync_turn(s->sync, 1000), SYNC_IDLE);
	happened();
}

/* The element of web in that set. */
static inline struct element element_of(enum set_id set)
{
	for (size_t i = 0; i < kernel.table.count; i++)
		if (kernel.table.items[i].set == set)
			return kernel.table.items[i];
	fail_msg("no element in set %d", set);
	return (struct element){0};
}

/* What the notifications told is put right at once. */
static inline void repair(struct scene *s, uint64_t now_ms)
{
	assert_true(sync_external_changes(s->sync, now_ms));
	assert_int_equal(sync_turn(s->sync, now_ms), SYNC_IDLE);
}

#endif
