/* What somebody else does to the table is put right: what is read, what is sent, and when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "proxy/drift.h"
#include "tests/unit/sync_scene.h"

/* Somebody did something that no key says. */
static void foreign_anything(struct scene *s, uint64_t now_ms)
{
	kernel.told.everything = true;
	assert_true(sync_foreign(s->sync, now_ms));
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
	assert_int_equal(sync_stats(s->sync)->full, 3);
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

	start_with_web(s);
	for (int i = 0; i < 20; i++) {
		kernel.state = TABLE_ABSENT;
		foreign_anything(s, now);
		wait = turn_to_its_end(s, &now);
	}
	assert_int_equal(wait, 5000);
	now += 10000; /* quiet for so long: at once again */
	kernel.state = TABLE_ABSENT;
	foreign_anything(s, now);
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
	foreign_anything(s, now);
	for (int i = 0; i < 20; i++, now += wait) {
		kernel.fail = -ENOENT;
		kernel.told.everything = true;
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
	return drift_wait(d, 0, now_ms, false);
}

/* The last word about a change may come after its repair: nothing is wrong then, and nobody keeps changing. */
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
	drift_fini(&d);
}

/* ---- single elements ---- */

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
	assert_int_equal(sync_stats(s->sync)->full, 1);
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
		wait = turn_to_its_end(s, &now);
	}
	assert_int_equal(wait, 5000);
	assert_int_equal(kernel.dumps, 0);
}

/* …but our own changes do not wait for them, and take the repair along, as long as it is a matter of keys. */
static void own_changes_during_a_fight(void **state)
{
	struct scene *s = *state;
	uint64_t now = 20000;

	start_with_web(s);
	struct element slot = element_of(SET_ENDPOINTS);
	for (int i = 0; i < 20; i++) {
		foreign_del(&slot);
		assert_true(sync_foreign(s->sync, now));
		turn_to_its_end(s, &now);
	}
	foreign_del(&slot);
	assert_true(sync_foreign(s->sync, now));
	assert_int_equal(sync_turn(s->sync, now), 5000);
	put_service(s, "db", "10.96.0.2");
	happened();
	assert_int_equal(sync_turn(s->sync, now + 1), SYNC_IDLE);
	assert_string_equal(happened(), "commit -0 +3;publish db;");
	kernel.told.rules = true;
	assert_true(sync_foreign(s->sync, now + 2));
	put_service(s, "db", "10.96.0.3");
	assert_int_equal(sync_turn(s->sync, now + 3), 4999);
	assert_string_equal(happened(), "");
	assert_int_equal(sync_turn(s->sync, now + 5002), SYNC_IDLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SYNC_TEST(foreign_change_is_repaired),
		SYNC_TEST(foreign_change_before_the_first_sync),
		SYNC_TEST(harmless_foreign_change_is_no_repair),
		SYNC_TEST(repairs_slow_down),
		cmocka_unit_test(only_what_is_wrong_again_is_told),
		SYNC_TEST(repair_that_is_disturbed),
		SYNC_TEST(foreign_elements_are_repaired),
		SYNC_TEST(foreign_element_put_back),
		SYNC_TEST(foreign_elements_under_own_changes),
		SYNC_TEST(foreign_element_not_told_in_time),
		SYNC_TEST(foreign_rules_are_mended),
		SYNC_TEST(foreign_change_during_a_load),
		SYNC_TEST(foreign_change_is_told_to_its_end),
		SYNC_TEST(foreign_elements_without_number),
		SYNC_TEST(foreign_elements_slow_down_too),
		SYNC_TEST(own_changes_during_a_fight),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
