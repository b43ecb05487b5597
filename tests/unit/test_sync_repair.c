/* Changes by another program are put right: what is read, what is sent, and when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "proxy/drift.h"
#include "tests/unit/sync_scene.h"

static void change(struct scene *s, uint64_t now_ms)
{
	external_change();
	assert_true(sync_external_changes(s->sync, now_ms));
}

/* A turn, and the one that it asks for. Returns how long it wanted to wait. */
static uint64_t turn_to_its_end(struct scene *s, uint64_t *now_ms)
{
	uint64_t wait = sync_turn(s->sync, *now_ms);

	if (wait == SYNC_IDLE)
		return wait;
	*now_ms += wait;
	assert_int_equal(sync_turn(s->sync, *now_ms), SYNC_IDLE);
	return wait;
}

/* A flush is repaired at once, a second one soon after waits a little. */
static void a_change_is_repaired(void **state)
{
	struct scene *s = *state;

	start_with_web(s);
	kernel.state = TABLE_ABSENT;
	change(s, 20000);
	assert_int_equal(sync_turn(s->sync, 20000), SYNC_IDLE);
	assert_string_equal(happened(), "load 3;");
	assert_int_equal(sync_stats(s->sync)->repairs, 1);
	kernel.table.items[0] = kernel.table.items[--kernel.table.count];
	change(s, 20010);
	uint64_t wait = sync_turn(s->sync, 20010);
	assert_in_range(wait, 1, 100);
	sync_turn(s->sync, 20010 + wait);
	assert_string_equal(happened(), "commit -0 +1;");
	assert_int_equal(sync_stats(s->sync)->repairs, 2);
	assert_int_equal(sync_stats(s->sync)->full, 3);
}

/* A change before our first sync: that one reads it anyway, and repairs nothing. */
static void a_change_before_the_first_sync(void **state)
{
	struct scene *s = *state;

	external_change();
	assert_false(sync_external_changes(s->sync, 900));
	start_with_web(s);
	assert_int_equal(sync_stats(s->sync)->repairs, 0);
	assert_int_equal(sync_stats(s->sync)->start, START_LOADED);
}

static void a_harmless_change_is_no_repair(void **state)
{
	struct scene *s = *state;

	start_with_web(s);
	change(s, 20000);
	sync_turn(s->sync, 20000);
	assert_string_equal(happened(), "");
	assert_int_equal(sync_stats(s->sync)->repairs, 0);
	assert_int_equal(kernel.dumps, 1);
}

static void repairs_slow_down(void **state)
{
	struct scene *s = *state;
	uint64_t now = 20000, wait = 0;

	start_with_web(s);
	for (int i = 0; i < 20; i++) {
		kernel.state = TABLE_ABSENT;
		change(s, now);
		wait = turn_to_its_end(s, &now);
	}
	assert_int_equal(wait, 5000);
	now += 10000; /* quiet for so long: at once again */
	kernel.state = TABLE_ABSENT;
	change(s, now);
	assert_int_equal(sync_turn(s->sync, now), SYNC_IDLE);
}

/* `nft flush ruleset` in a loop, each time in the midst of a load: when it ends, the table is not gone for long. */
static void repair_that_is_disturbed(void **state)
{
	struct scene *s = *state;
	uint64_t now = 20000, wait = 0;

	log_set_level(LOG_WARN);
	start_with_web(s);
	kernel.state = TABLE_ABSENT;
	change(s, now);
	for (int i = 0; i < 20; i++, now += wait) {
		kernel.fail = -ENOENT;
		external_change();
		wait = sync_turn(s->sync, now);
		assert_in_range(wait, 1, 5000);
	}
	assert_int_equal(wait, 5000);
	assert_int_equal(sync_turn(s->sync, now), SYNC_IDLE);
	assert_string_equal(happened(), "load 3;");
}

static uint64_t pause_of(struct drift *d, uint64_t now_ms)
{
	drift_notice(d, now_ms);
	return d->due_ms - now_ms;
}

/* The last word about a change may come after its repair: nothing is wrong then, and the changes did stop. */
static void only_what_is_wrong_again_is_told(void **state)
{
	struct drift d = {0};

	(void)state;
	assert_int_equal(pause_of(&d, 20000), 0);
	assert_false(drift_repaired(&d, 20000, 3));
	assert_int_not_equal(pause_of(&d, 20010), 0);
	assert_false(drift_repaired(&d, 20060, 0));
	assert_int_not_equal(pause_of(&d, 20070), 0);
	assert_true(drift_repaired(&d, 20170, 3));
	assert_int_not_equal(pause_of(&d, 20180), 0);
	assert_false(drift_repaired(&d, 20380, 3)); /* once */
}

/* Elements of every kind, in one transaction with the differences only. */
static void elements_are_repaired(void **state)
{
	struct scene *s = *state;

	start_with_web(s);
	struct element slot = element_of(SET_ENDPOINTS), verdict = element_of(SET_DISPATCH), other = slot;
	external_del(&slot);
	repair(s, 20000);
	assert_string_equal(happened(), "commit -0 +1;");
	external_del(&verdict);
	verdict.verdict.kind = VERDICT_DROP;
	verdict.packets = 7;
	external_add(&verdict);
	other.slot = 99;
	external_add(&other);
	other.daddr.bytes[0] = 77;
	external_add(&other);
	repair(s, 40000);
	assert_string_equal(happened(), "commit -3 +1;");
	assert_int_equal(kernel.table.count, 3);
	assert_int_equal(element_of(SET_DISPATCH).packets, 7); /* connections were counted all the same */
	assert_int_equal(sync_stats(s->sync)->repairs, 2);
	assert_int_equal(kernel.dumps, 2);
}

/* Chains and rules go with the same transaction, and count as operations. */
static void rules_are_repaired(void **state)
{
	struct scene *s = *state;

	start_with_web(s);
	struct element slot = element_of(SET_ENDPOINTS);
	external_del(&slot);
	kernel.wrong_rules = 5;
	kernel.told.parts.rules = true;
	repair(s, 20000);
	assert_string_equal(happened(), "commit -0 +1;");
	assert_int_equal(sync_stats(s->sync)->last_operations, 6);
	assert_int_equal(sync_stats(s->sync)->repairs, 1);
	kernel.state = TABLE_OTHER;
	external_change();
	repair(s, 40000);
	assert_string_equal(happened(), "load 3;");
}

/* The notifications name what to read: of the rest we know what it is. */
static void only_what_changed_is_read(void **state)
{
	struct scene *s = *state;

	start_with_web(s);
	struct element slot = element_of(SET_ENDPOINTS);
	external_del(&slot);
	put_service(s, "db", "10.96.0.2"); /* own changes go along: to this set, and to others */
	put_slice(s, "db", "10.0.0.9");
	sync_turn(s->sync, 20000);
	assert_string_equal(happened(), "commit -0 +4;publish db;");
	assert_int_equal(kernel.dumped, 1u << SET_ENDPOINTS);
	kernel.wrong_rules = 1;
	kernel.told.parts.rules = true;
	repair(s, 40000);
	assert_string_equal(happened(), "commit -0 +0;");
	assert_int_equal(kernel.dumped, 0);
	external_change();
	repair(s, 60000);
	assert_int_equal(kernel.dumped, TABLE_SETS_ALL);
}

/* The repair of one set is refused because of a change in another one: then everything is read, at once. */
static void a_refused_repair_reads_everything(void **state)
{
	struct scene *s = *state;

	start_with_web(s);
	struct element slot = element_of(SET_ENDPOINTS);
	external_del(&slot);
	kernel.fail = -EEXIST;
	assert_true(sync_external_changes(s->sync, 20000));
	assert_int_equal(sync_turn(s->sync, 20000), 0);
	assert_int_equal(sync_turn(s->sync, 20000), SYNC_IDLE);
	assert_string_equal(happened(), "commit -0 +1;");
	assert_int_equal(kernel.dumped, TABLE_SETS_ALL);
	assert_int_equal(sync_stats(s->sync)->repairs, 1);
}

/* Own changes and external ones meet at the same keys in one turn: one transaction, which the kernel takes. */
static void own_changes_go_along(void **state)
{
	struct scene *s = *state;

	start_with_web(s);
	struct element slot = element_of(SET_ENDPOINTS), verdict = element_of(SET_DISPATCH);
	external_del(&slot); /* we would replace it */
	external_del(&verdict);
	put_slice(s, "web", "10.0.0.2 10.0.0.3 10.0.0.4");
	slot.slot = 1;
	external_add(&slot); /* we would add it */
	sync_turn(s->sync, 20000);
	assert_string_equal(happened(), "commit -1 +4;publish web;");
	assert_int_equal(sync_stats(s->sync)->refused, 0);
}

/* Not told in time: the commit is refused, the table read back at once, and the change sent with the repair. */
static void a_change_that_was_not_told_in_time(void **state)
{
	struct scene *s = *state;

	log_set_level(LOG_WARN);
	start_with_web(s);
	struct element verdict = element_of(SET_DISPATCH);
	external_del(&verdict);
	kernel.told.parts = (struct table_parts){0};
	s->sink.remove(s->sink.ctx, OBJECT_SERVICE, "default", "web");
	assert_int_equal(sync_turn(s->sync, 20000), 100);
	assert_int_equal(sync_turn(s->sync, 20100), SYNC_IDLE);
	assert_string_equal(happened(), "commit -2 +0;withdraw web;");
	assert_int_equal(kernel.dumps, 1);
}

static void a_change_during_a_load(void **state)
{
	struct scene *s = *state;

	put_service(s, "web", "10.96.0.1");
	s->sink.complete(s->sink.ctx);
	kernel.meanwhile = true;
	assert_true(sync_turn(s->sync, 1000) < 1000); /* the longer, the longer the load took by the real clock */
	assert_int_equal(sync_turn(s->sync, 2000), SYNC_IDLE);
	assert_int_equal(kernel.dumps, 1);
	assert_string_equal(happened(), "load 2;publish web;complete;");
}

/* One change, told in two parts: one repair. */
static void a_change_is_told_to_its_end(void **state)
{
	struct scene *s = *state;

	start_with_web(s);
	struct element slot = element_of(SET_ENDPOINTS), verdict = element_of(SET_DISPATCH);
	external_del(&slot);
	kernel.told.open = true;
	assert_false(sync_external_changes(s->sync, 20000));
	assert_int_equal(sync_turn(s->sync, 20000), SYNC_IDLE);
	assert_string_equal(happened(), "");
	external_del(&verdict);
	kernel.told.open = false;
	repair(s, 20001);
	assert_string_equal(happened(), "commit -0 +2;");
	assert_int_equal(sync_stats(s->sync)->repairs, 1);
}

/* Another program changes the table again and again: repairs wait up to 5 s for it, our own changes never. */
static void own_changes_during_a_fight(void **state)
{
	struct scene *s = *state;
	uint64_t now = 20000;

	start_with_web(s);
	struct element slot = element_of(SET_ENDPOINTS);
	for (int i = 0; i < 20; i++) {
		external_del(&slot);
		assert_true(sync_external_changes(s->sync, now));
		turn_to_its_end(s, &now);
	}
	external_del(&slot);
	assert_true(sync_external_changes(s->sync, now));
	assert_int_equal(sync_turn(s->sync, now), 5000);
	const unsigned dumps = kernel.dumps;
	put_service(s, "db", "10.96.0.2");
	happened();
	assert_int_equal(sync_turn(s->sync, now + 1), 4999); /* nothing to do with the damage: sent as a difference */
	assert_string_equal(happened(), "commit -0 +2;publish db;");
	assert_int_equal(kernel.dumps, dumps);
	put_slice(s, "web", "10.0.0.2"); /* replaces what is gone: refused, and the table read back at once */
	assert_int_equal(sync_turn(s->sync, now + 2), 0);
	assert_int_equal(sync_turn(s->sync, now + 2), SYNC_IDLE);
	assert_string_equal(happened(), "commit -0 +1;publish web;");
	assert_int_equal(kernel.dumps, dumps + 1);
}

/* Every commit is refused because of another program: our changes are tried again within 0.2 s, however long it lasts.
 */
static void own_changes_are_tried_again_soon(void **state)
{
	struct scene *s = *state;
	uint64_t now = 20000, wait;

	start_with_web(s);
	external_change();
	put_service(s, "db", "10.96.0.2");
	for (int i = 0; i < 20; i++, now += wait) {
		external_change();
		kernel.fail = -ENOENT;
		wait = sync_turn(s->sync, now);
		assert_in_range(wait, 0, 200);
	}
	assert_int_equal(sync_turn(s->sync, now), SYNC_IDLE);
	assert_string_equal(happened(), "commit -0 +2;publish db;");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SYNC_TEST(a_change_is_repaired),
		SYNC_TEST(a_change_before_the_first_sync),
		SYNC_TEST(a_harmless_change_is_no_repair),
		SYNC_TEST(repairs_slow_down),
		cmocka_unit_test(only_what_is_wrong_again_is_told),
		SYNC_TEST(repair_that_is_disturbed),
		SYNC_TEST(elements_are_repaired),
		SYNC_TEST(rules_are_repaired),
		SYNC_TEST(only_what_changed_is_read),
		SYNC_TEST(a_refused_repair_reads_everything),
		SYNC_TEST(own_changes_go_along),
		SYNC_TEST(a_change_that_was_not_told_in_time),
		SYNC_TEST(a_change_during_a_load),
		SYNC_TEST(a_change_is_told_to_its_end),
		SYNC_TEST(own_changes_during_a_fight),
		SYNC_TEST(own_changes_are_tried_again_soon),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
