/* The sync turns: what is sent and published, and when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "tests/unit/sync_scene.h"

static void nothing_before_complete(void **state)
{
	struct scene *s = *state;

	put_service(s, "web", "10.96.0.1");
	assert_int_equal(sync_turn(s->sync, 1000), SYNC_IDLE);
	assert_string_equal(happened(), "");
	assert_false(sync_stats(s->sync)->done);
	s->sink.complete(s->sink.ctx);
	assert_int_equal(sync_turn(s->sync, 1001), SYNC_IDLE);
	assert_string_equal(happened(), "load 2;publish web;complete;");
	assert_true(sync_stats(s->sync)->done);
	assert_int_equal(sync_stats(s->sync)->start, START_LOADED);
}

static void nothing_to_serve_is_complete_too(void **state)
{
	struct scene *s = *state;

	s->sink.complete(s->sink.ctx);
	sync_turn(s->sync, 1000);
	assert_string_equal(happened(), "load 0;complete;");
}

static void one_endpoint_is_few_operations(void **state)
{
	struct scene *s = *state;

	start_with_web(s);
	put_slice(s, "web", "10.0.0.2");
	sync_turn(s->sync, 2000);
	assert_string_equal(happened(), "commit -1 +1;publish web;");
	assert_int_equal(sync_stats(s->sync)->last_operations, 2);
	assert_int_equal(sync_turn(s->sync, 2001), SYNC_IDLE);
	assert_string_equal(happened(), "");
}

static void change_that_programs_nothing_sends_nothing(void **state)
{
	struct scene *s = *state;

	start_with_web(s);
	put_slice(s, "web", "10.0.0.1 !10.0.0.9");
	sync_turn(s->sync, 2000);
	assert_string_equal(happened(), "publish web;");
}

static void deleted_service_leaves_nothing(void **state)
{
	struct scene *s = *state;

	start_with_web(s);
	s->sink.remove(s->sink.ctx, OBJECT_SERVICE, "default", "web");
	s->sink.remove(s->sink.ctx, OBJECT_SLICE, "default", "web");
	sync_turn(s->sync, 2000);
	assert_string_equal(happened(), "commit -3 +0;withdraw web;");
	assert_int_equal(kernel.table.count, 0);
	assert_null(store_service(s->store, "default", "web"));
}

/* Nothing is published until the kernel has it; what came meanwhile goes along. */
static void refused_commit_waits_and_reads_back(void **state)
{
	struct scene *s = *state;

	start_with_web(s);
	put_slice(s, "web", "10.0.0.2");
	kernel.fail = -EBUSY;
	uint64_t wait = sync_turn(s->sync, 2000);
	assert_int_equal(wait, 100);
	assert_string_equal(happened(), "");
	assert_false(sync_stats(s->sync)->in_sync);
	put_slice(s, "web", "10.0.0.3");
	put_service(s, "db", "10.96.0.2");
	assert_int_equal(sync_turn(s->sync, 2040), 60);
	assert_string_equal(happened(), "");
	kernel.fail = -EBUSY;
	assert_int_equal(sync_turn(s->sync, 2100), 200);
	assert_int_equal(sync_turn(s->sync, 2300), SYNC_IDLE);
	assert_string_equal(happened(), "commit -1 +3;publish web;publish db;");
	assert_true(sync_stats(s->sync)->in_sync);
	assert_int_equal(sync_stats(s->sync)->refused, 2);
	assert_int_equal(kernel.table.count, 5);
}

/* Deleted while its last version still waits: it never shows. */
static void service_that_came_and_went_while_refused(void **state)
{
	struct scene *s = *state;

	start_with_web(s);
	put_service(s, "db", "10.96.0.2");
	kernel.fail = -EBUSY;
	sync_turn(s->sync, 2000);
	s->sink.remove(s->sink.ctx, OBJECT_SERVICE, "default", "db");
	sync_turn(s->sync, 2100);
	assert_string_equal(happened(), "");
	assert_int_equal(kernel.table.count, 3);
	assert_null(store_service(s->store, "default", "db"));
}

static void back_off_has_an_end(void **state)
{
	struct scene *s = *state;
	uint64_t now = 1000, wait = 0;

	put_service(s, "web", "10.96.0.1");
	s->sink.complete(s->sink.ctx);
	for (int i = 0; i < 20; i++) {
		kernel.fail = -EIO;
		wait = sync_turn(s->sync, now);
		now += wait;
	}
	assert_int_equal(wait, 30000);
	assert_string_equal(happened(), "");
	sync_turn(s->sync, now);
	assert_string_equal(happened(), "load 2;publish web;complete;");
}

/* A new process finds the table of the old one: what is right stays, slot by slot. */
static void restart_keeps_the_table(void **state)
{
	struct scene *s = *state;

	start_with_web(s);
	put_slice(s, "web", "10.0.0.1 10.0.0.2 10.0.0.3");
	sync_turn(s->sync, 2000);
	put_slice(s, "web", "10.0.0.2 10.0.0.3 10.0.0.4"); /* now slots are not in order of addresses */
	sync_turn(s->sync, 3000);
	struct nft left = kernel;
	kernel = (struct nft){0};
	void *old = s;
	teardown(&old);
	setup(state);
	s = *state;
	kernel = left;
	put_service(s, "web", "10.96.0.1");
	put_slice(s, "web", "10.0.0.2 10.0.0.3 10.0.0.4");
	s->sink.complete(s->sink.ctx);
	sync_turn(s->sync, 1000);
	assert_string_equal(happened(), "publish web;complete;");
	assert_int_equal(sync_stats(s->sync)->start, START_ADOPTED);
	assert_int_equal(sync_stats(s->sync)->start_operations, 0);
}

static void gap_between_transactions(void **state)
{
	struct scene *s = *state;

	sync_free(s->sync);
	s->min_sync_period_ms = 500;
	sync_make(s);
	start_with_web(s);
	put_slice(s, "web", "10.0.0.2");
	uint64_t wait = sync_turn(s->sync, 1100);
	assert_in_range(wait, 400, 410);
	put_slice(s, "web", "10.0.0.3");
	assert_int_equal(sync_turn(s->sync, 1100 + wait), SYNC_IDLE);
	assert_string_equal(happened(), "commit -1 +1;publish web;");
	put_slice(s, "web", "10.0.0.3"); /* no transaction, no gap after it */
	assert_int_equal(sync_turn(s->sync, 3000), SYNC_IDLE);
	put_slice(s, "web", "10.0.0.4");
	assert_int_equal(sync_turn(s->sync, 3001), SYNC_IDLE);
	assert_string_equal(happened(), "publish web;commit -1 +1;publish web;");
}

/* Flags and objects may name a range twice, or one inside another: the kernel refuses overlaps. */
static void ranges_that_overlap(void **state)
{
	struct cidr ranges[] = {{.addr = ip("10.96.0.0"), .prefix = 12},
				{.addr = ip("10.96.0.0"), .prefix = 12},
				{.addr = ip("10.100.0.0"), .prefix = 16},
				{.addr = ip("fd00:96::"), .prefix = 112}};
	struct scene *s = *state;

	s->service_cidrs = (struct cidr_list){.count = 4, .items = ranges};
	s->sink.complete(s->sink.ctx);
	sync_turn(s->sync, 1000);
	assert_string_equal(happened(), "load 2;complete;");
}

static void without_a_kernel_half(void **state)
{
	struct scene *s = *state;

	sync_free(s->sync);
	s->no_proxy = true;
	sync_make(s);
	start_with_web(s);
	put_slice(s, "web", "10.0.0.2");
	assert_int_equal(sync_turn(s->sync, 2000), SYNC_IDLE);
	assert_string_equal(happened(), "publish web;");
	assert_int_equal(sync_turn(s->sync, 2001), SYNC_IDLE);
	assert_string_equal(happened(), "");
}

/* Two services with one address: the first by name has it; when it goes, the other takes over in the same commit. */
static void contested_address_passes_on(void **state)
{
	struct scene *s = *state;

	start_with_web(s);
	put_service(s, "web2", "10.96.0.1");
	put_slice(s, "web2", "10.0.0.2");
	sync_turn(s->sync, 2000);
	assert_string_equal(happened(), "publish web2;");
	s->sink.remove(s->sink.ctx, OBJECT_SERVICE, "default", "web");
	sync_turn(s->sync, 3000);
	assert_string_equal(happened(), "commit -1 +1;withdraw web;"); /* the slot; verdict and ClusterIP are equal */
	put_service(s, "web", "10.96.0.1");			       /* comes back, its slice is still there */
	sync_turn(s->sync, 4000);
	assert_string_equal(happened(), "commit -1 +1;publish web;");
}

static void service_cidrs_follow(void **state)
{
	struct scene *s = *state;
	struct arena *arena = arena_new(256);
	struct service_cidr_object *o = arena_alloc(arena, sizeof *o);
	struct cidr *cidrs = arena_array(arena, 3, sizeof *cidrs);

	start_with_web(s);
	assert_true(cidr_parse(&cidrs[0], "10.96.0.0/16") && cidr_parse(&cidrs[1], "10.96.0.0/12") &&
		    cidr_parse(&cidrs[2], "fd00:96::/112"));
	*o = (struct service_cidr_object){
		.object = {.kind = OBJECT_SERVICE_CIDR, .arena = arena, .ns = "", .name = "kubernetes", .digest = 1},
		.cidr_count = 3,
		.cidrs = cidrs};
	s->sink.upsert(s->sink.ctx, &o->object);
	sync_ranges_changed(s->sync);
	sync_turn(s->sync, 2000);
	assert_string_equal(happened(), "commit -0 +2;"); /* the /16 lies inside the /12 */
	struct element cidr = element_of(SET_SERVICE_CIDRS), narrower = cidr;
	external_del(&cidr);
	narrower.range.prefix++;
	external_add(&narrower);
	repair(s, 2500);
	assert_string_equal(happened(), "commit -1 +1;");
	s->sink.remove(s->sink.ctx, OBJECT_SERVICE_CIDR, "", "kubernetes");
	sync_ranges_changed(s->sync);
	sync_turn(s->sync, 3000);
	assert_string_equal(happened(), "commit -2 +0;");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SYNC_TEST(nothing_before_complete),
		SYNC_TEST(nothing_to_serve_is_complete_too),
		SYNC_TEST(one_endpoint_is_few_operations),
		SYNC_TEST(change_that_programs_nothing_sends_nothing),
		SYNC_TEST(deleted_service_leaves_nothing),
		SYNC_TEST(refused_commit_waits_and_reads_back),
		SYNC_TEST(service_that_came_and_went_while_refused),
		SYNC_TEST(back_off_has_an_end),
		SYNC_TEST(restart_keeps_the_table),
		SYNC_TEST(gap_between_transactions),
		SYNC_TEST(ranges_that_overlap),
		SYNC_TEST(without_a_kernel_half),
		SYNC_TEST(contested_address_passes_on),
		SYNC_TEST(service_cidrs_follow),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
