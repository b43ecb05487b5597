/* The checkpoint file: what is written is read, and nothing else is. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/tempfolder.h"
#include "tests/unit/sample_objects.h"
#include "watch/decode/decode_pack.h"
#include "watch/checkpoint_file.h"

#define SOURCE "https://10.0.0.1:6443 node-a"

struct heard {
	struct object *objects[16];
	size_t count, completes, turns, begins, ends;
};

static void upsert(void *ctx, struct object *o)
{
	struct heard *h = ctx;

	assert_int_equal(h->begins, OBJECT_KINDS);
	assert_int_equal(h->ends, 0);
	h->objects[h->count++] = o;
}

static void list_begin(void *ctx, enum object_kind kind)
{
	(void)kind;
	((struct heard *)ctx)->begins++;
}

static void list_end(void *ctx, enum object_kind kind)
{
	(void)kind;
	((struct heard *)ctx)->ends++;
}

static void complete(void *ctx)
{
	((struct heard *)ctx)->completes++;
}

static void turn_end(void *ctx)
{
	((struct heard *)ctx)->turns++;
}

static struct sink sink_of(struct heard *h)
{
	return (struct sink){.ctx = h,
			     .upsert = upsert,
			     .list_begin = list_begin,
			     .list_end = list_end,
			     .complete = complete,
			     .turn_end = turn_end};
}

static void heard_free(struct heard *h)
{
	for (size_t i = 0; i < h->count; i++)
		object_free(h->objects[i]);
	*h = (struct heard){0};
}

static int folder_new(void **state)
{
	static char folder[TEMPFOLDER_BYTES];

	tempfolder_new(folder, "state");
	*state = folder;
	return 0;
}

static int folder_free(void **state)
{
	tempfolder_free(*state);
	return 0;
}

static void save_samples(const char *folder)
{
	struct checkpoint_file_writer *w = checkpoint_file_begin(folder, SOURCE, 1234567);

	assert_non_null(w);
	for (struct object *const *o = samples(); *o != NULL; o++)
		checkpoint_file_put(w, *o);
	assert_true(checkpoint_file_commit(w));
}

/* Packing again gives the same bytes only when every field came back. */
static void assert_same(const struct object *a, const struct object *b)
{
	struct pack x = {0}, y = {0};

	pack_object(&x, a);
	pack_object(&y, b);
	assert_int_equal(x.bytes.length_bytes, y.bytes.length_bytes);
	assert_memory_equal(x.bytes.data, y.bytes.data, x.bytes.length_bytes);
	pack_fini(&x);
	pack_fini(&y);
}

static void round_trip(void **state)
{
	struct heard h = {0};
	struct sink sink = sink_of(&h);
	struct checkpoint_file_info info;
	const struct slice_object *read;

	save_samples(*state);
	assert_true(checkpoint_file_load(*state, SOURCE, &sink, &info));
	assert_int_equal(info.objects, 6);
	assert_int_equal(info.saved_wall_ms, 1234567);
	assert_int_equal(h.count, 6);
	assert_int_equal(h.ends, OBJECT_KINDS);
	assert_int_equal(h.completes, 1);
	assert_int_equal(h.turns, 1);
	for (size_t i = 0; i < h.count; i++)
		assert_same(h.objects[i], samples()[i]);
	read = (const struct slice_object *)h.objects[1];
	assert_string_equal(endpoint_extra(&read->endpoints[0])->zone_hints[1], "b");
	assert_null(endpoint_extra(&read->endpoints[1])->hostname);
	assert_true(addr_equal(&endpoint_extra(&read->endpoints[0])->more_addrs[0],
			       &(struct addr){AF_INET, {10, 1, 0, 9}}));
	assert_true(read->endpoints[1].terminating && !read->endpoints[1].ready);
	heard_free(&h);
}

static char *slurp(const char *folder, size_t *n)
{
	char path[128], *bytes;
	FILE *f;

	snprintf(path, sizeof path, "%s/" CHECKPOINT_FILE, folder);
	f = fopen(path, "rb");
	assert_non_null(f);
	bytes = mem_alloc(65536);
	*n = fread(bytes, 1, 65536, f);
	fclose(f);
	return bytes;
}

/* Every prefix, every flipped bit and a byte too many is refused, and the sink hears nothing of it. */
static void damage_is_refused(void **state)
{
	struct heard h = {0};
	struct sink sink = sink_of(&h);
	struct checkpoint_file_info info;
	size_t n;
	char *bytes;

	save_samples(*state);
	bytes = slurp(*state, &n);
	assert_null(checkpoint_file_read(bytes, n, SOURCE, &sink, &info));
	heard_free(&h);
	for (size_t cut = 0; cut < n; cut++)
		assert_non_null(checkpoint_file_read(bytes, cut, SOURCE, &sink, &info));
	for (size_t i = 0; i < n * 8; i++) {
		bytes[i / 8] = (char)(bytes[i / 8] ^ (1 << i % 8));
		assert_non_null(checkpoint_file_read(bytes, n, SOURCE, &sink, &info));
		bytes[i / 8] = (char)(bytes[i / 8] ^ (1 << i % 8));
	}
	bytes = mem_resize(bytes, n + 1);
	bytes[n] = 0;
	assert_non_null(checkpoint_file_read(bytes, n + 1, SOURCE, &sink, &info));
	assert_non_null(checkpoint_file_read(bytes, n, "https://elsewhere node-a", &sink, &info));
	assert_int_equal(h.begins + h.count + h.completes, 0);
	free(bytes);
}

static void absent_or_of_another_program(void **state)
{
	struct heard h = {0};
	struct sink sink = sink_of(&h);
	struct checkpoint_file_info info;
	char path[128];
	FILE *f;

	assert_false(checkpoint_file_load(*state, SOURCE, &sink, &info));
	snprintf(path, sizeof path, "%s/" CHECKPOINT_FILE, (char *)*state);
	f = fopen(path, "w");
	fputs("something else entirely, and long enough to hold a whole header of a checkpoint file\n", f);
	fclose(f);
	assert_false(checkpoint_file_load(*state, SOURCE, &sink, &info));
	assert_int_equal(h.begins, 0);
}

/* A writer that dies leaves the old state, and what it wrote is in no way. */
static void unfinished_keeps_the_old(void **state)
{
	struct heard h = {0};
	struct sink sink = sink_of(&h);
	struct checkpoint_file_info info;
	char path[128];
	pid_t pid;

	save_samples(*state);
	pid = fork();
	if (pid == 0) {
		checkpoint_file_put(checkpoint_file_begin(*state, SOURCE, 99), samples()[0]);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	snprintf(path, sizeof path, "%s/" CHECKPOINT_FILE ".tmp", (char *)*state);
	assert_int_equal(access(path, F_OK), 0);
	assert_true(checkpoint_file_load(*state, SOURCE, &sink, &info));
	assert_int_equal(info.saved_wall_ms, 1234567);
	save_samples(*state);
	assert_int_not_equal(access(path, F_OK), 0);
	heard_free(&h);
	assert_null(checkpoint_file_begin("/proc/nowhere", SOURCE, 1));
	assert_int_equal(errno, ENOENT);
	assert_null(checkpoint_file_begin("/proc/version", SOURCE, 1));
	assert_int_equal(errno, ENOTDIR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(round_trip, folder_new, folder_free),
		cmocka_unit_test_setup_teardown(damage_is_refused, folder_new, folder_free),
		cmocka_unit_test_setup_teardown(absent_or_of_another_program, folder_new, folder_free),
		cmocka_unit_test_setup_teardown(unfinished_keeps_the_old, folder_new, folder_free),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
