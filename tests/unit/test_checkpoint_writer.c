/* The checkpoint's thread: what it writes is the store of one moment, whatever changes meanwhile. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ev.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/checkpoint_writer.h"
#include "tests/tempfolder.h"
#include "watch/checkpoint_file.h"

#define MANY 2000

static char folder[TEMPFOLDER_BYTES];
static struct ev_loop *loop;
static int outcome; /* of the last write; -1: none yet */

static void ignore_changed(void *ctx, const struct object *prev, const struct object *next)
{
	(void)ctx, (void)prev, (void)next;
}

static void ignore(void *ctx)
{
	(void)ctx;
}

static const struct store_listener listener = {.changed = ignore_changed, .complete = ignore, .turn_end = ignore};

static void on_done(void *ctx, int error)
{
	(void)ctx;
	outcome = error;
	ev_break(loop, EVBREAK_ONE);
}

static void put(struct store *s, int number, uint64_t digest)
{
	struct arena *arena = arena_new(256);
	struct service_object *o = arena_alloc(arena, sizeof *o);
	struct sink sink = store_sink(s);

	o->object = (struct object){.kind = OBJECT_SERVICE,
				    .arena = arena,
				    .ns = "default",
				    .name = arena_printf(arena, "s%d-%u", number, (unsigned)digest),
				    .digest = digest};
	sink.upsert(sink.ctx, &o->object);
}

static void fill(struct store *s, uint64_t digest)
{
	for (int i = 0; i < MANY; i++)
		put(s, i, digest);
}

static void empty(struct store *s, uint64_t digest)
{
	struct sink sink = store_sink(s);
	char name[32];

	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof name, "s%d-%u", i, (unsigned)digest);
		sink.remove(sink.ctx, OBJECT_SERVICE, "default", name);
	}
}

/* How many Services of that digest's name the file holds; *others: of any other. */
static size_t stored(uint64_t digest, size_t *others)
{
	struct store *s = store_new(&listener);
	struct sink sink = store_sink(s);
	struct checkpoint_file_info info;
	const struct object *o;
	char suffix[16];
	size_t at = 0, count = 0;

	*others = 0;
	assert_true(checkpoint_file_load(folder, "test", &sink, &info));
	snprintf(suffix, sizeof suffix, "-%u", (unsigned)digest);
	while ((o = store_next(s, OBJECT_SERVICE, &at)) != NULL) {
		const bool is = strcmp(strchr(o->name, '-'), suffix) == 0;
		count += is;
		*others += !is;
	}
	store_free(s);
	return count;
}

static void test_a_snapshot_outlives_its_objects(void **state)
{
	struct store *s = store_new(&listener);
	struct checkpoint_writer *w = checkpoint_writer_new(loop, folder, "test", on_done, NULL);
	size_t others;

	(void)state;
	fill(s, 1);
	outcome = -1;
	checkpoint_writer_write(w, s);
	assert_true(checkpoint_writer_is_busy(w));
	empty(s, 1); /* frees each, but for the snapshot */
	fill(s, 2);
	while (outcome < 0)
		ev_run(loop, 0);
	assert_int_equal(outcome, 0);
	assert_false(checkpoint_writer_is_busy(w));
	assert_int_equal(stored(1, &others), MANY);
	assert_int_equal(others, 0);
	assert_int_equal(checkpoint_writer_free(w, NULL), 0);
	store_free(s);
}

static void test_the_end_writes_the_last_state(void **state)
{
	struct store *s = store_new(&listener);
	struct checkpoint_writer *w = checkpoint_writer_new(loop, folder, "test", on_done, NULL);
	size_t others;

	(void)state;
	fill(s, 3);
	checkpoint_writer_write(w, s);
	empty(s, 3);
	fill(s, 4);
	assert_int_equal(checkpoint_writer_free(w, s), 0);
	assert_int_equal(stored(4, &others), MANY);
	assert_int_equal(others, 0);
	store_free(s);
}

static void test_the_end_waits_for_the_write_under_way(void **state)
{
	struct store *s = store_new(&listener);
	struct checkpoint_writer *w = checkpoint_writer_new(loop, folder, "test", on_done, NULL);
	size_t others;

	(void)state;
	fill(s, 5);
	checkpoint_writer_write(w, s);
	assert_int_equal(checkpoint_writer_free(w, NULL), 0);
	assert_int_equal(stored(5, &others), MANY);
	store_free(s);
}

static void test_an_error_is_told(void **state)
{
	struct store *s = store_new(&listener);
	char file[TEMPFOLDER_BYTES + 16];

	(void)state;
	snprintf(file, sizeof file, "%s/file", folder);
	fclose(fopen(file, "w"));
	struct checkpoint_writer *w = checkpoint_writer_new(loop, file, "test", on_done, NULL);
	outcome = -1;
	checkpoint_writer_write(w, s);
	while (outcome < 0)
		ev_run(loop, 0);
	assert_int_equal(outcome, ENOTDIR);
	assert_int_equal(checkpoint_writer_free(w, s), ENOTDIR);
	store_free(s);
}

static int prepare(void **state)
{
	(void)state;
	tempfolder_new(folder, "checkpoint");
	loop = ev_loop_new(EVFLAG_AUTO);
	return loop == NULL;
}

static int clean(void **state)
{
	(void)state;
	ev_loop_destroy(loop);
	tempfolder_free(folder);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_snapshot_outlives_its_objects),
		cmocka_unit_test(test_the_end_writes_the_last_state),
		cmocka_unit_test(test_the_end_waits_for_the_write_under_way),
		cmocka_unit_test(test_an_error_is_told),
	};

	return cmocka_run_group_tests(tests, prepare, clean);
}
