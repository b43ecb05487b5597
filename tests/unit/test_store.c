/* The store of objects. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/store.h"

static struct {
	unsigned changed, added, removed, complete, turns;
} told;

static void on_changed(void *ctx, const struct object *prev, const struct object *next)
{
	(void)ctx;
	told.changed++;
	told.added += prev == NULL;
	told.removed += next == NULL;
}

static void on_complete(void *ctx)
{
	(void)ctx;
	told.complete++;
}

static void on_turn_end(void *ctx)
{
	(void)ctx;
	told.turns++;
}

static void unmark(struct store *s)
{
	size_t count;
	struct store_service *const *dirty = store_dirty(s, &count);

	for (size_t i = 0; i < count; i++)
		dirty[i]->dirty = false;
	store_unmark(s);
}

static const struct store_listener listener = {.changed = on_changed, .complete = on_complete, .turn_end = on_turn_end};

static int setup(void **state)
{
	memset(&told, 0, sizeof told);
	*state = store_new(&listener);
	return 0;
}

static int teardown(void **state)
{
	store_free(*state);
	return 0;
}

static void put(struct store *s, enum object_kind kind, const char *name, const char *service, uint64_t digest)
{
	size_t bytes = kind == OBJECT_SERVICE ? sizeof(struct service_object) : sizeof(struct slice_object);
	struct arena *arena = arena_new(256);
	struct object *o = arena_alloc(arena, bytes);
	struct sink sink = store_sink(s);

	*o = (struct object){
		.kind = kind, .arena = arena, .ns = "default", .name = arena_strdup(arena, name), .digest = digest};
	if (kind == OBJECT_SLICE)
		((struct slice_object *)o)->service_name = arena_strdup(arena, service);
	sink.upsert(sink.ctx, o);
}

static void take(struct store *s, enum object_kind kind, const char *name)
{
	struct sink sink = store_sink(s);

	sink.remove(sink.ctx, kind, "default", name);
}

static size_t dirty_count(struct store *s)
{
	size_t count;

	store_dirty(s, &count);
	return count;
}

static void service_and_slices_meet(void **state)
{
	struct store *s = *state;

	put(s, OBJECT_SLICE, "web-b", "web", 1);
	put(s, OBJECT_SLICE, "web-a", "web", 1);
	put(s, OBJECT_SERVICE, "web", NULL, 1);
	struct store_service *web = store_service(s, "default", "web");
	assert_non_null(web->object);
	assert_string_equal(web->ns, "default");
	assert_string_equal(web->name, "web");
	assert_int_equal(web->slice_count, 2);
	assert_string_equal(web->slices[0]->object.name, "web-a");
	assert_int_equal(dirty_count(s), 1);
	unmark(s);
	assert_int_equal(dirty_count(s), 0);
	assert_ptr_equal(store_service(s, "default", "web"), web);
}

static void same_digest_is_no_change(void **state)
{
	struct store *s = *state;

	put(s, OBJECT_SERVICE, "web", NULL, 7);
	unmark(s);
	put(s, OBJECT_SERVICE, "web", NULL, 7);
	assert_int_equal(dirty_count(s), 0);
	assert_int_equal(told.changed, 1);
	put(s, OBJECT_SERVICE, "web", NULL, 8);
	assert_int_equal(dirty_count(s), 1);
	assert_int_equal(told.changed, 2);
}

static void slice_moves_between_services(void **state)
{
	struct store *s = *state;

	put(s, OBJECT_SERVICE, "a", NULL, 1);
	put(s, OBJECT_SERVICE, "b", NULL, 1);
	put(s, OBJECT_SLICE, "x", "a", 1);
	unmark(s);
	put(s, OBJECT_SLICE, "x", "b", 2);
	assert_int_equal(dirty_count(s), 2);
	assert_int_equal(store_service(s, "default", "a")->slice_count, 0);
	assert_int_equal(store_service(s, "default", "b")->slice_count, 1);
}

/* A deleted service stays known until sync has taken it out of the kernel. */
static void gone_only_after_sync(void **state)
{
	struct store *s = *state;
	static struct service programmed;

	put(s, OBJECT_SERVICE, "web", NULL, 1);
	struct store_service *web = store_service(s, "default", "web");
	web->current = &programmed;
	unmark(s);
	take(s, OBJECT_SERVICE, "web");
	assert_int_equal(dirty_count(s), 1);
	store_settle(s, web); /* still to compile */
	unmark(s);	      /* still in the kernel */
	assert_ptr_equal(store_service(s, "default", "web"), web);
	web->current = NULL;
	store_settle(s, web);
	assert_null(store_service(s, "default", "web"));
}

static void list_sweeps_what_it_did_not_mention(void **state)
{
	struct store *s = *state;
	struct sink sink = store_sink(s);

	put(s, OBJECT_SERVICE, "a", NULL, 1);
	put(s, OBJECT_SERVICE, "b", NULL, 1);
	put(s, OBJECT_SERVICE, "c", NULL, 1);
	put(s, OBJECT_SLICE, "a-1", "a", 1);
	unmark(s);
	sink.list_begin(sink.ctx, OBJECT_SERVICE);
	put(s, OBJECT_SERVICE, "a", NULL, 1);
	sink.keep(sink.ctx, OBJECT_SERVICE, "default", "b");
	sink.keep(sink.ctx, OBJECT_SERVICE, "default", "never-seen");
	sink.list_end(sink.ctx, OBJECT_SERVICE);
	assert_int_equal(store_count(s, OBJECT_SERVICE), 2);
	assert_int_equal(store_count(s, OBJECT_SLICE), 1);
	assert_int_equal(told.removed, 1);
	assert_int_equal(dirty_count(s), 1);
	assert_null(store_service(s, "default", "c")->object);
}

/* A list that broke off and starts again must not sweep what only the second one mentions late. */
static void list_may_begin_twice(void **state)
{
	struct store *s = *state;
	struct sink sink = store_sink(s);

	sink.list_begin(sink.ctx, OBJECT_SERVICE);
	put(s, OBJECT_SERVICE, "a", NULL, 1);
	sink.list_begin(sink.ctx, OBJECT_SERVICE);
	put(s, OBJECT_SERVICE, "b", NULL, 1);
	sink.list_end(sink.ctx, OBJECT_SERVICE);
	assert_non_null(store_object(s, OBJECT_SERVICE, "default", "b"));
	assert_null(store_object(s, OBJECT_SERVICE, "default", "a"));
}

static void complete_and_turn(void **state)
{
	struct store *s = *state;
	struct sink sink = store_sink(s);

	assert_false(store_is_complete(s));
	sink.complete(sink.ctx);
	sink.turn_end(sink.ctx);
	assert_true(store_is_complete(s));
	assert_int_equal(told.complete, 1);
	assert_int_equal(told.turns, 1);
}

#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(service_and_slices_meet),
		STORE_TEST(same_digest_is_no_change),
		STORE_TEST(slice_moves_between_services),
		STORE_TEST(gone_only_after_sync),
		STORE_TEST(list_sweeps_what_it_did_not_mention),
		STORE_TEST(list_may_begin_twice),
		STORE_TEST(complete_and_turn),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
