/* What a source says while something older is served: put aside, and then in its place as a whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/staging.h"

static struct world {
	struct store *store;
	struct staging *staging;
	struct sink old, source;
	unsigned completed;
} w;

static int balance[OBJECT_KINDS]; /* what the listener was told is there */

static void on_changed(void *ctx, const struct object *prev, const struct object *next)
{
	(void)ctx;
	balance[(next != NULL ? next : prev)->kind] += (next != NULL) - (prev != NULL);
}

static void on_complete(void *ctx)
{
	++*(unsigned *)ctx;
}

static int setup(void **state)
{
	static const struct store_listener listener = {.changed = on_changed};

	(void)state;
	memset(balance, 0, sizeof balance);
	w = (struct world){.store = store_new(&listener)};
	w.staging = staging_new(w.store, on_complete, &w.completed);
	w.old = store_sink(w.store);
	w.source = *staging_sink(w.staging);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (int kind = 0; kind < OBJECT_KINDS; kind++)
		assert_int_equal(balance[kind], (int)store_count(w.store, (enum object_kind)kind));
	staging_free(w.staging);
	store_free(w.store);
	return 0;
}

static void put(const struct sink *sink, enum object_kind kind, const char *name, uint64_t digest)
{
	size_t bytes = kind == OBJECT_SERVICE ? sizeof(struct service_object) : sizeof(struct slice_object);
	struct arena *arena = arena_new(256);
	struct object *o = arena_alloc(arena, bytes);

	*o = (struct object){
		.kind = kind, .arena = arena, .ns = "default", .name = arena_strdup(arena, name), .digest = digest};
	if (kind == OBJECT_SLICE)
		((struct slice_object *)o)->service_name = o->name; /* one slice a service, of its name */
	sink->upsert(sink->ctx, o);
}

static void list(const struct sink *sink, enum object_kind kind, const char *names, uint64_t digest)
{
	sink->list_begin(sink->ctx, kind);
	for (const char *n = names; *n != '\0'; n++)
		put(sink, kind, (char[]){*n, '\0'}, digest);
	sink->list_end(sink->ctx, kind);
}

/* 0: the store holds no such object. */
static uint64_t digest(enum object_kind kind, const char *name)
{
	const struct object *o = store_object(w.store, kind, "default", name);

	return o != NULL ? o->digest : 0;
}

static void nothing_older_nothing_staged(void **state)
{
	(void)state;
	list(&w.source, OBJECT_SERVICE, "ab", 1);
	assert_int_equal(store_count(w.store, OBJECT_SERVICE), 2);
	w.source.complete(w.source.ctx);
	assert_int_equal(w.completed, 1);
	assert_false(store_is_complete(w.store));
	staging_end(w.staging);
	assert_int_equal(store_count(w.store, OBJECT_SERVICE), 2);
	list(&w.source, OBJECT_SERVICE, "c", 1);
	assert_int_equal(store_count(w.store, OBJECT_SERVICE), 1);
}

/* The source has listed Services before, and lists slices after, the old state came in. */
static void never_a_mixture(void **state)
{
	(void)state;
	list(&w.source, OBJECT_SERVICE, "bc", 2);
	staging_begin(w.staging);
	assert_int_equal(store_count(w.store, OBJECT_SERVICE), 0);
	list(&w.old, OBJECT_SERVICE, "ab", 1);
	list(&w.old, OBJECT_SLICE, "ab", 1);
	assert_int_equal(digest(OBJECT_SERVICE, "b"), 1);
	assert_int_equal(digest(OBJECT_SERVICE, "c"), 0);

	list(&w.source, OBJECT_SLICE, "bc", 2);
	put(&w.source, OBJECT_SERVICE, "d", 2);
	w.source.remove(w.source.ctx, OBJECT_SERVICE, "default", "c");
	assert_int_equal(digest(OBJECT_SLICE, "b"), 1);
	assert_int_equal(digest(OBJECT_SERVICE, "d"), 0);

	staging_end(w.staging);
	assert_int_equal(store_count(w.store, OBJECT_SERVICE), 2);
	assert_int_equal(digest(OBJECT_SERVICE, "b") + digest(OBJECT_SERVICE, "d"), 4);
	assert_int_equal(store_count(w.store, OBJECT_SLICE), 2);
	assert_int_equal(digest(OBJECT_SLICE, "b") + digest(OBJECT_SLICE, "c"), 4);
	assert_ptr_equal(store_service(w.store, "default", "b")->slices[0],
			 store_object(w.store, OBJECT_SLICE, "default", "b"));
}

/* A list that is under way there and back still sweeps what it does not mention, and only that. */
static void a_list_goes_on(void **state)
{
	(void)state;
	list(&w.source, OBJECT_SERVICE, "abcd", 1);
	w.source.list_begin(w.source.ctx, OBJECT_SERVICE);
	put(&w.source, OBJECT_SERVICE, "a", 1);
	staging_begin(w.staging);
	list(&w.old, OBJECT_SERVICE, "x", 9);
	list(&w.old, OBJECT_SERVICE, "x", 9);
	put(&w.source, OBJECT_SERVICE, "b", 1);
	staging_end(w.staging);
	assert_int_equal(store_count(w.store, OBJECT_SERVICE), 4);
	put(&w.source, OBJECT_SERVICE, "c", 1);
	w.source.list_end(w.source.ctx, OBJECT_SERVICE);
	assert_int_equal(store_count(w.store, OBJECT_SERVICE), 3);
	assert_int_equal(digest(OBJECT_SERVICE, "d"), 0);
}

/* An object whose present version is unusable keeps its last good one; one that is gone meanwhile does not. */
static void the_last_good_version_stays(void **state)
{
	(void)state;
	w.source.list_begin(w.source.ctx, OBJECT_SERVICE);
	w.source.keep(w.source.ctx, OBJECT_SERVICE, "default", "a");
	w.source.keep(w.source.ctx, OBJECT_SERVICE, "default", "b");
	w.source.keep(w.source.ctx, OBJECT_SERVICE, "default", "never-seen");
	w.source.list_end(w.source.ctx, OBJECT_SERVICE);
	w.source.keep(w.source.ctx, OBJECT_SLICE, "default", "a"); /* by the list before the last */
	staging_begin(w.staging);
	list(&w.old, OBJECT_SERVICE, "abc", 1);
	list(&w.old, OBJECT_SLICE, "a", 1);
	w.source.remove(w.source.ctx, OBJECT_SERVICE, "default", "b");
	list(&w.source, OBJECT_SLICE, "", 2);
	staging_end(w.staging);
	assert_int_equal(digest(OBJECT_SERVICE, "a"), 1);
	assert_int_equal(store_count(w.store, OBJECT_SERVICE), 1);
	assert_int_equal(store_count(w.store, OBJECT_SLICE), 0);
}

#define STAGING_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STAGING_TEST(nothing_older_nothing_staged),
		STAGING_TEST(never_a_mixture),
		STAGING_TEST(a_list_goes_on),
		STAGING_TEST(the_last_good_version_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
