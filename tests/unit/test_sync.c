#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <errno.h>

#include "base/log.h"
#include "proxy/sync.h"
#include "tests/unit/fakekernel.h"
#include "tests/unit/objects.h"

/* ---- scene ---- */

struct scene {
	struct config config;
	struct node node;
	struct store *store;
	struct sync *sync;
	struct sink sink;
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
					   .nft = s->config.no_proxy ? NULL : &kernel,
					   .zone = &answers,
					   .node = &s->node,
					   .config = &s->config,
					   .min_period_ms = (uint64_t)s->config.min_sync_period_ms};
	s->sync = sync_new(&config);
}

static int setup(void **state)
{
	static const struct store_listener listener = {
		.changed = ignore_change, .complete = ignore, .turn_end = ignore};
	struct scene *s = mem_alloc(sizeof *s);

	log_set_level(LOG_WARN);
	s->config.table = "fairlead";
	s->store = store_new(&listener);
	s->sink = store_sink(s->store);
	sync_make(s);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct scene *s = *state;
	sync_free(s->sync);
	store_free(s->store);
	fakes_fini();
	free(s);
	return 0;
}

static uint64_t serial; /* every put is a change */

static void put_service(struct scene *s, const char *name, const char *cluster_ip)
{
	struct arena *arena = arena_new(256);
	struct service_object *o = make_service(arena, name, cluster_ip);

	o->object.arena = arena;
	o->object.digest = ++serial;
	add_port(arena, o, "", IPPROTO_TCP, 80, 0);
	s->sink.upsert(s->sink.ctx, &o->object);
}

static void put_slice(struct scene *s, const char *service, const char *endpoints)
{
	struct arena *arena = arena_new(256);
	struct slice_object *o = make_slice(arena, service, "", IPPROTO_TCP, 8080, endpoints);

	o->object.arena = arena;
	o->object.digest = ++serial;
	o->service_name = service;
	s->sink.upsert(s->sink.ctx, &o->object);
}

/* web: ClusterIP, one endpoint: verdict, slot, ClusterIP = 3 elements. */
static void start_with_web(struct scene *s)
{
	put_service(s, "web", "10.96.0.1");
	put_slice(s, "web", "10.0.0.1");
	s->sink.complete(s->sink.ctx);
	assert_int_equal(sync_turn(s->sync, 1000), SYNC_IDLE);
	happened();
}

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
	assert_false(sync_stats(s->sync)->in_step);
	put_slice(s, "web", "10.0.0.3");
	put_service(s, "db", "10.96.0.2");
	assert_int_equal(sync_turn(s->sync, 2040), 60);
	assert_string_equal(happened(), "");
	kernel.fail = -EBUSY;
	assert_int_equal(sync_turn(s->sync, 2100), 200);
	assert_int_equal(sync_turn(s->sync, 2300), SYNC_IDLE);
	assert_string_equal(happened(), "commit -1 +3;publish web;publish db;");
	assert_true(sync_stats(s->sync)->in_step);
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

/* Somebody did something that no key says. */
static void foreign_anything(struct scene *s, uint64_t now_ms)
{
	kernel.told.everything = true;
	assert_true(sync_foreign(s->sync, now_ms));
}

/* A foreign flush is repaired at once, a second one soon after waits a little. */
static void foreign_change_is_repaired(void **state)
{
	struct scene *s = *state;

	start_with_web(s);
	kernel.state = TABLE_ABSENT;
	foreign_anything(s, 20000);
	assert_int_equal(sync_turn(s->sync, 20000), SYNC_IDLE);
	assert_string_equal(happened(), "load 3;");
	assert_int_equal(sync_stats(s->sync)->repairs, 1);
	kernel.table.items[0] = kernel.table.items[--kernel.table.count];
	foreign_anything(s, 20010);
	uint64_t wait = sync_turn(s->sync, 20010);
	assert_in_range(wait, 1, 100);
	sync_turn(s->sync, 20010 + wait);
	assert_string_equal(happened(), "commit -0 +1;");
	assert_int_equal(sync_stats(s->sync)->repairs, 2);
}

/* Somebody at the table before our first sync: that one reads it anyway, and repairs nothing. */
static void foreign_change_before_the_first_sync(void **state)
{
	struct scene *s = *state;

	kernel.told.everything = true;
	assert_false(sync_foreign(s->sync, 900));
	start_with_web(s);
	assert_int_equal(sync_stats(s->sync)->repairs, 0);
	assert_int_equal(sync_stats(s->sync)->start, START_LOADED);
}

static void harmless_foreign_change_is_no_repair(void **state)
{
	struct scene *s = *state;

	start_with_web(s);
	foreign_anything(s, 20000);
	sync_turn(s->sync, 20000);
	assert_string_equal(happened(), "");
	assert_int_equal(sync_stats(s->sync)->repairs, 0);
	assert_int_equal(kernel.dumps, 1);
}

static void repairs_slow_down(void **state)
{
	struct scene *s = *state;
	uint64_t now = 20000, wait = 0;

	log_set_level(LOG_WARN);
	start_with_web(s);
	for (int i = 0; i < 20; i++) {
		kernel.state = TABLE_ABSENT;
		foreign_anything(s, now);
		wait = sync_turn(s->sync, now);
		if (wait != SYNC_IDLE) {
			now += wait;
			assert_int_equal(sync_turn(s->sync, now), SYNC_IDLE);
		}
	}
	assert_int_equal(wait, 5000);
	now += 60000;
	kernel.state = TABLE_ABSENT;
	foreign_anything(s, now);
	assert_int_equal(sync_turn(s->sync, now), SYNC_IDLE);
}

/* ---- single elements ---- */

/* The element of web in that set. */
static struct element element_of(enum set_id set)
{
	for (size_t i = 0; i < kernel.table.count; i++)
		if (kernel.table.items[i].set == set)
			return kernel.table.items[i];
	fail_msg("no element in set %d", set);
	return (struct element){0};
}

static void repair(struct scene *s, uint64_t now_ms)
{
	assert_true(sync_foreign(s->sync, now_ms));
	assert_int_equal(sync_turn(s->sync, now_ms), SYNC_IDLE);
}

/* Whatever was done to single elements, only they are asked for and put right, in one transaction. */
static void foreign_elements_are_repaired(void **state)
{
	struct scene *s = *state;

	start_with_web(s);
	struct element slot = element_of(SET_ENDPOINTS), verdict = element_of(SET_DISPATCH), other = slot;
	foreign_del(&slot);
	repair(s, 20000);
	assert_string_equal(happened(), "commit -0 +1;");
	foreign_del(&verdict);
	verdict.verdict.kind = VERDICT_DROP;
	verdict.packets = 7;
	foreign_add(&verdict);
	other.slot = 99;
	foreign_add(&other);
	other.daddr.bytes[0] = 77;
	foreign_add(&other);
	other.set = SET_CLUSTER_IPS;
	foreign_add(&other);
	repair(s, 40000);
	assert_string_equal(happened(), "commit -4 +1;");
	assert_int_equal(kernel.table.count, 3);
	assert_int_equal(element_of(SET_DISPATCH).packets, 7); /* connections were counted all the same */
	assert_int_equal(sync_stats(s->sync)->repairs, 2);
	assert_int_equal(kernel.dumps, 0);
}

/* The notifications tell of a deletion and an addition of the same thing. */
static void foreign_element_put_back(void **state)
{
	struct scene *s = *state;

	start_with_web(s);
	struct element slot = element_of(SET_ENDPOINTS);
	foreign_del(&slot);
	foreign_add(&slot);
	foreign_del(&slot);
	foreign_add(&slot);
	repair(s, 20000);
	assert_string_equal(happened(), "");
	assert_int_equal(sync_stats(s->sync)->repairs, 0);
	assert_int_equal(kernel.dumps, 0);
}

/* Own changes and foreign ones meet at the same keys in one turn: one transaction, which the kernel takes. */
static void foreign_elements_under_own_changes(void **state)
{
	struct scene *s = *state;

	start_with_web(s);
	struct element slot = element_of(SET_ENDPOINTS), verdict = element_of(SET_DISPATCH);
	foreign_del(&slot); /* we would replace it */
	foreign_del(&verdict);
	put_slice(s, "web", "10.0.0.2 10.0.0.3 10.0.0.4");
	slot.slot = 1;
	foreign_add(&slot); /* we would add it */
	sync_turn(s->sync, 20000);
	assert_string_equal(happened(), "commit -1 +4;publish web;"); /* verdict and three slots, for one wrong one */
	foreign_del(&verdict);
	s->sink.remove(s->sink.ctx, OBJECT_SERVICE, "default", "web"); /* and all of it goes */
	sync_turn(s->sync, 40000);
	assert_string_equal(happened(), "commit -4 +0;withdraw web;");
	assert_int_equal(kernel.table.count, 0);
	assert_int_equal(sync_stats(s->sync)->refused, 0);
	assert_int_equal(kernel.dumps, 0);
}

/* Too late to be told of it: the commit is refused, and the whole table read. */
static void foreign_element_not_told_in_time(void **state)
{
	struct scene *s = *state;

	start_with_web(s);
	struct element slot = element_of(SET_ENDPOINTS);
	foreign_del(&slot);
	kernel.fail = -EBUSY;
	assert_true(sync_foreign(s->sync, 20000));
	assert_int_equal(sync_turn(s->sync, 20000), 100);
	assert_int_equal(sync_turn(s->sync, 20100), SYNC_IDLE);
	assert_string_equal(happened(), "commit -0 +1;");
	assert_int_equal(kernel.dumps, 1);
}

/* Chains and rules are put right without reading an element; what cannot be mended is read as a whole. */
static void foreign_rules_are_mended(void **state)
{
	struct scene *s = *state;

	start_with_web(s);
	struct element slot = element_of(SET_ENDPOINTS);
	foreign_del(&slot);
	kernel.told.rules = true;
	kernel.wrong_rules = 5;
	repair(s, 20000);
	assert_string_equal(happened(), "commit -0 +1;");
	assert_int_equal(sync_stats(s->sync)->last_operations, 6);
	assert_int_equal(sync_stats(s->sync)->repairs, 1);
	assert_int_equal(kernel.dumps, 0);
	kernel.told.rules = true;
	kernel.state = TABLE_OTHER;
	repair(s, 40000);
	assert_string_equal(happened(), "load 3;");
	assert_int_equal(sync_stats(s->sync)->repairs, 2);
}

static void foreign_change_during_a_load(void **state)
{
	struct scene *s = *state;

	put_service(s, "web", "10.96.0.1");
	s->sink.complete(s->sink.ctx);
	kernel.meanwhile = true;
	assert_int_equal(sync_turn(s->sync, 1000), 0);
	assert_int_equal(sync_turn(s->sync, 1000), SYNC_IDLE);
	assert_int_equal(kernel.dumps, 1);
	assert_string_equal(happened(), "load 2;publish web;complete;");
}

/* One change, told in two parts: one repair. */
static void foreign_change_is_told_to_its_end(void **state)
{
	struct scene *s = *state;

	start_with_web(s);
	struct element slot = element_of(SET_ENDPOINTS), verdict = element_of(SET_DISPATCH);
	foreign_del(&slot);
	kernel.told.open = true;
	assert_false(sync_foreign(s->sync, 20000));
	assert_int_equal(sync_turn(s->sync, 20000), SYNC_IDLE);
	assert_string_equal(happened(), "");
	foreign_del(&verdict);
	kernel.told.open = false;
	repair(s, 20001);
	assert_string_equal(happened(), "commit -0 +2;");
	assert_int_equal(sync_stats(s->sync)->repairs, 1);
}

/* More keys than are worth asking for one by one: the set is read whole, others stay with their keys. */
static void foreign_elements_without_number(void **state)
{
	struct scene *s = *state;

	start_with_web(s);
	struct element slot = element_of(SET_ENDPOINTS);
	for (uint32_t i = 0; i <= TOUCHED_KEYS_MAX; i++) {
		slot.slot = 100 + i;
		foreign_add(&slot);
	}
	struct element ip = element_of(SET_CLUSTER_IPS);
	foreign_del(&ip);
	repair(s, 20000);
	assert_string_equal(happened(), "commit -4097 +1;");
	assert_int_equal(kernel.table.count, 3);
	assert_int_equal(kernel.dumps, 0);
	kernel.claimed = 100000;
	for (uint32_t i = 0; i <= TOUCHED_KEYS_MAX; i++) {
		slot.slot = 100 + i;
		foreign_add(&slot);
	}
	repair(s, 40000);
	assert_string_equal(happened(), "commit -4097 +0;");
	assert_int_equal(kernel.dumps, 1); /* such a map is read along its verdicts */
}

static void foreign_elements_slow_down_too(void **state)
{
	struct scene *s = *state;
	uint64_t now = 20000, wait = 0;

	start_with_web(s);
	struct element slot = element_of(SET_ENDPOINTS);
	for (int i = 0; i < 20; i++) {
		foreign_del(&slot);
		assert_true(sync_foreign(s->sync, now));
		wait = sync_turn(s->sync, now);
		if (wait != SYNC_IDLE) {
			now += wait;
			assert_int_equal(sync_turn(s->sync, now), SYNC_IDLE);
		}
	}
	assert_int_equal(wait, 5000);
	assert_int_equal(kernel.dumps, 0);
}

static void gap_between_transactions(void **state)
{
	struct scene *s = *state;

	sync_free(s->sync);
	s->config.min_sync_period_ms = 500;
	sync_make(s);
	start_with_web(s);
	put_slice(s, "web", "10.0.0.2");
	uint64_t wait = sync_turn(s->sync, 1100);
	assert_in_range(wait, 400, 410);
	put_slice(s, "web", "10.0.0.3");
	assert_int_equal(sync_turn(s->sync, 1100 + wait), SYNC_IDLE);
	assert_string_equal(happened(), "commit -1 +1;publish web;");
}

static void without_a_kernel_half(void **state)
{
	struct scene *s = *state;

	sync_free(s->sync);
	s->config.no_proxy = true;
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
	foreign_del(&cidr);
	narrower.range.prefix++;
	foreign_add(&narrower);
	repair(s, 2500);
	assert_string_equal(happened(), "commit -1 +1;");
	assert_int_equal(kernel.dumps, 0);
	s->sink.remove(s->sink.ctx, OBJECT_SERVICE_CIDR, "", "kubernetes");
	sync_ranges_changed(s->sync);
	sync_turn(s->sync, 3000);
	assert_string_equal(happened(), "commit -2 +0;");
}

#define SYNC_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

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
		SYNC_TEST(foreign_change_is_repaired),
		SYNC_TEST(foreign_change_before_the_first_sync),
		SYNC_TEST(harmless_foreign_change_is_no_repair),
		SYNC_TEST(repairs_slow_down),
		SYNC_TEST(foreign_elements_are_repaired),
		SYNC_TEST(foreign_element_put_back),
		SYNC_TEST(foreign_elements_under_own_changes),
		SYNC_TEST(foreign_element_not_told_in_time),
		SYNC_TEST(foreign_rules_are_mended),
		SYNC_TEST(foreign_change_during_a_load),
		SYNC_TEST(foreign_change_is_told_to_its_end),
		SYNC_TEST(foreign_elements_without_number),
		SYNC_TEST(foreign_elements_slow_down_too),
		SYNC_TEST(gap_between_transactions),
		SYNC_TEST(without_a_kernel_half),
		SYNC_TEST(contested_address_passes_on),
		SYNC_TEST(service_cidrs_follow),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
