/* A large service is sent in parts, a turn each, and holds no other up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/sync_scene.h"

#define PORTS 1500 /* heavy: two addresses, a verdict and an endpoint are counted for each */
#define PART 1000
#define MANY 17000
#define POISON 6666
#define SAME 100

static uint64_t now_ms;

static unsigned turn(struct scene *s)
{
	return (unsigned)sync_turn(s->sync, now_ms += 100);
}

/* There is more to do, before the next turn of this test: after a commit in as long as the kernel was busy. */
static void goes_on(struct scene *s)
{
	assert_in_range(turn(s), 0, 99);
}

static struct service_object *wide_object(struct scene *s, const char *name, const char *cluster_ip, size_t count)
{
	struct arena *arena = arena_new(4096);
	struct service_object *o = make_service(arena, name, cluster_ip);

	set_ports(arena, o, 100, count);
	o->object.arena = arena;
	o->object.digest = ++s->serial;
	return o;
}

/* A verdict each that refuses, and the ClusterIP. */
static void put_wide(struct scene *s, const char *cluster_ip, size_t count)
{
	s->sink.upsert(s->sink.ctx, &wide_object(s, "wide", cluster_ip, count)->object);
}

static void begin(struct scene *s)
{
	now_ms = 2000;
	start_with_web(s);
	kernel.part_max = PART;
}

/* Compiled, compared, put in order: nothing is sent yet. */
static void steps_before_parts(struct scene *s)
{
	for (unsigned i = 0; i < 3; i++)
		goes_on(s);
	assert_string_equal(happened(), "");
}

static const struct store_service *wide(const struct scene *s)
{
	return store_service(s->store, "default", "wide");
}

/* Whatever it asks for, a turn compares a limited number of elements. */
static void compared_in_pieces(void **state)
{
	struct scene *s = *state;
	unsigned turns = 0;

	begin(s);
	kernel.part_max = SIZE_MAX;
	put_wide(s, "10.96.0.2", MANY);
	steps_before_parts(s);
	goes_on(s);
	assert_string_equal(happened(), "part 16384;");
	while (turn(s) != (unsigned)SYNC_IDLE)
		assert_true(++turns < 20);
	assert_string_equal(happened(), "part 617;publish wide;");
	assert_int_equal(kernel.table.count, 3 + MANY + 1);
}

/* A turn of others has no part in it, unless the one before had none. */
static void others_go_between_the_parts(void **state)
{
	struct scene *s = *state;

	begin(s);
	put_wide(s, "10.96.0.2", PORTS);
	steps_before_parts(s);
	goes_on(s);
	assert_string_equal(happened(), "part 1000;");
	assert_null(wide(s)->current);
	assert_false(sync_stats(s->sync)->in_sync);
	put_slice(s, "web", "10.0.0.2");
	goes_on(s);
	assert_string_equal(happened(), "commit -1 +1;publish web;");
	put_slice(s, "web", "10.0.0.3");
	goes_on(s);
	assert_string_equal(happened(), "commit -1 +1;publish web;part 501;");
	assert_int_equal((int)turn(s), (int)SYNC_IDLE);
	assert_string_equal(happened(), "publish wide;");
	assert_int_equal(kernel.table.count, 3 + PORTS + 1);
	assert_true(sync_stats(s->sync)->in_sync);

	put_wide(s, "10.96.0.2", 0); /* no port: not proxied, so all of it goes */
	steps_before_parts(s);
	goes_on(s);
	goes_on(s);
	assert_int_equal((int)turn(s), (int)SYNC_IDLE);
	assert_string_equal(happened(), "part 1000;part 501;publish wide;");
	assert_int_equal(kernel.table.count, 3);
}

/* A change of the large one itself, and what asks for its address, wait for its last part. */
static void what_touches_it_waits(void **state)
{
	struct scene *s = *state;

	begin(s);
	put_wide(s, "10.96.0.2", PORTS);
	steps_before_parts(s);
	goes_on(s);
	put_wide(s, "10.96.0.2", PORTS + 1);
	put_service(s, "a", "10.96.0.2");
	goes_on(s);
	goes_on(s);
	assert_string_equal(happened(), "part 1000;part 501;publish wide;");
	assert_null(store_service(s->store, "default", "a")->current);
	for (unsigned i = 0; i < 10 && turn(s) != (unsigned)SYNC_IDLE; i++) /* a slow machine makes pauses */
		;
	assert_int_equal(wide(s)->current->port_count, PORTS + 1);
	assert_non_null(store_service(s->store, "default", "a")->current);
	assert_true(sync_stats(s->sync)->in_sync);
	assert_int_equal(sync_stats(s->sync)->refused, 0);
	assert_int_equal(kernel.table.count, 3 + PORTS + 1 + 1 + 1); /* port 80 is of "a" */
}

static void put_web_with_external_ip(struct scene *s)
{
	struct arena *arena = arena_new(1024);
	struct service_object *o = make_service(arena, "web", "10.96.0.1");

	add_port(arena, o, "", IPPROTO_TCP, 80, 0);
	add_external_ip(arena, o, "192.0.2.1");
	o->object.arena = arena;
	o->object.digest = ++s->serial;
	s->sink.upsert(s->sink.ctx, &o->object);
}

/* It asks for the address of another one in vain: the owner's endpoints change meanwhile. */
static void an_owner_does_not_wait(void **state)
{
	struct scene *s = *state;

	begin(s);
	put_web_with_external_ip(s);
	assert_int_equal((int)turn(s), (int)SYNC_IDLE);
	happened();
	struct service_object *o = wide_object(s, "wide", "10.96.0.2", PORTS);
	add_external_ip(o->object.arena, o, "192.0.2.1");
	((struct port_object *)o->ports)[0].port = 80;
	s->sink.upsert(s->sink.ctx, &o->object);
	steps_before_parts(s);
	goes_on(s);
	assert_string_equal(happened(), "part 1000;");
	put_slice(s, "web", "10.0.0.2");
	goes_on(s);
	assert_string_equal(happened(), "commit -2 +2;publish web;");
	put_service(s, "web", "10.96.0.1"); /* gives the address up: the large one gets it when it is done */
	for (unsigned i = 0; i < 20 && turn(s) != (unsigned)SYNC_IDLE; i++)
		;
	assert_true(sync_stats(s->sync)->in_sync);
	assert_int_equal(sync_stats(s->sync)->refused, 0);
	assert_int_equal(kernel.table.count, 3 + 2 * PORTS + 1);
}

/* What was sent is taken back with the repair, and it starts anew. */
static void external_change_in_between(void **state)
{
	struct scene *s = *state;

	begin(s);
	put_wide(s, "10.96.0.2", PORTS);
	steps_before_parts(s);
	goes_on(s);
	assert_string_equal(happened(), "part 1000;");
	const struct element e = element_of(SET_ENDPOINTS);
	external_del(&e);
	now_ms += 100;
	for (unsigned i = 0; i < 20; i++)
		if (turn(s) != 0)
			now_ms += 100;
	assert_int_equal(kernel.table.count, 3 + PORTS + 1);
	assert_int_equal(wide(s)->current->port_count, PORTS);
	assert_true(sync_stats(s->sync)->in_sync);
	assert_int_equal(sync_stats(s->sync)->repairs, 1);
}

/* Between any two of its steps the table may have to be read back, and a service that had its address may change. */
static void external_change_at_each_step(void **state)
{
	struct scene *s = *state;
	struct element gone;

	begin(s);
	for (unsigned steps = 1; steps < 7; steps++) {
		put_service(s, "rival", "10.96.0.2");
		put_wide(s, "10.96.0.2", PORTS + steps);
		for (unsigned i = 0; i < steps; i++)
			turn(s);
		gone = element_of(SET_ENDPOINTS);
		external_del(&gone);
		s->sink.remove(s->sink.ctx, OBJECT_SERVICE, "default", "rival");
		for (unsigned i = 0; i < 30; i++)
			if (turn(s) != 0)
				now_ms += 100;
		assert_int_equal(kernel.table.count, 3 + PORTS + steps + 1);
		assert_int_equal(wide(s)->current->port_count, PORTS + steps);
		assert_true(sync_stats(s->sync)->in_sync);
	}
}

/* Refused twice by the kernel it is quarantined, and nothing of it stays. */
static void refused(void **state)
{
	struct scene *s = *state;

	begin(s);
	put_wide(s, "10.96.0.2", PORTS);
	struct arena *arena = arena_new(256);
	struct slice_object *slice = make_slice(arena, "wide", "p7", IPPROTO_TCP, POISON, "10.0.0.1");
	slice->object.arena = arena;
	slice->object.digest = ++s->serial;
	slice->service_name = "wide";
	s->sink.upsert(s->sink.ctx, &slice->object);
	steps_before_parts(s);
	goes_on(s);
	kernel.poison_port = POISON;
	put_slice(s, "web", "10.0.0.2");
	for (unsigned i = 0; i < 20; i++)
		if (turn(s) != 0)
			now_ms += 500;
	assert_int_equal(sync_stats(s->sync)->quarantined, 1);
	assert_int_equal(sync_stats(s->sync)->refused, 2);
	assert_non_null(wide(s)->refusal);
	assert_null(wide(s)->current);
	assert_int_equal(kernel.table.count, 3);
	assert_int_equal(element_of(SET_ENDPOINTS).to.bytes[3], 2);
	assert_true(sync_stats(s->sync)->in_sync);
	kernel.poison_port = 0;
	put_wide(s, "10.96.0.2", PORTS + 1);
	for (unsigned i = 0; i < 10 && turn(s) != (unsigned)SYNC_IDLE; i++) /* a slow machine makes pauses */
		;
	assert_int_equal(sync_stats(s->sync)->quarantined, 0);
	assert_int_equal(wide(s)->current->port_count, PORTS + 1);
}

static unsigned published(const struct scene *s, unsigned count)
{
	char name[16];
	unsigned sum = 0;

	for (unsigned i = 0; i < count; i++) {
		snprintf(name, sizeof name, "same-%u", i);
		sum += store_service(s->store, "default", name)->current != NULL;
	}
	return sum;
}

/* Services that ask for what another one has change nothing in the kernel, and cost the same. */
static void many_that_own_nothing(void **state)
{
	struct scene *s = *state;
	static char names[SAME][16];

	begin(s);
	for (unsigned i = 0; i < SAME; i++) {
		snprintf(names[i], sizeof names[i], "same-%u", i);
		s->sink.upsert(s->sink.ctx, &wide_object(s, names[i], "10.96.0.2", 100)->object);
	}
	assert_int_not_equal((int)turn(s), (int)SYNC_IDLE);
	assert_in_range(published(s, SAME), 1, SAME / 2);
	for (unsigned i = 0; i < SAME && turn(s) != (unsigned)SYNC_IDLE; i++)
		;
	assert_int_equal(published(s, SAME), SAME);
}

/* Freed with a service under way. */
static void end_in_between(void **state)
{
	struct scene *s = *state;

	begin(s);
	put_wide(s, "10.96.0.2", PORTS);
	steps_before_parts(s);
	goes_on(s);
	s->sink.remove(s->sink.ctx, OBJECT_SERVICE, "default", "wide");
	assert_string_equal(happened(), "part 1000;");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SYNC_TEST(compared_in_pieces),
		SYNC_TEST(others_go_between_the_parts),
		SYNC_TEST(an_owner_does_not_wait),
		SYNC_TEST(what_touches_it_waits),
		SYNC_TEST(external_change_in_between),
		SYNC_TEST(external_change_at_each_step),
		SYNC_TEST(refused),
		SYNC_TEST(many_that_own_nothing),
		SYNC_TEST(end_in_between),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
