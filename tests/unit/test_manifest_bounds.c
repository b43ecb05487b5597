/* What a folder of manifests may cost: time linear in its documents, and few lines in the log whatever is in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/ioctl.h>

#include "tests/unit/cpu_clock.h"
#include "tests/unit/manifest_world.h"
#include "tests/unit/stderrlines.h"
#include "watch/manifest/manifest_private.h"

#define FEW 2000
#define MANY 20000
#define GROWTH_MAX 30 /* ten times the documents: linear is 10 times, n² a hundred */
#define TRIES 2
#define LINES_MAX 100

typedef void write_document(FILE *f, size_t i);

static void repeated(FILE *f, size_t i)
{
	fprintf(f, "---\n" SERVICE("a", 1) "# %zu\n", i);
}

static void unknown_kind(FILE *f, size_t i)
{
	fprintf(f, "---\n{apiVersion: example.com/v1, kind: Kind%zu}\n", i);
}

static void refused(FILE *f, size_t i)
{
	fprintf(f, "---\n" REFUSED("a") "# %zu\n", i);
}

static void two_claims(FILE *f, size_t i)
{
	fprintf(f,
		"---\napiVersion: v1\nkind: Service\nmetadata: {name: a%zu}\n"
		"spec: {clusterIP: 10.96.0.10, ports: [{port: 1}]}\n",
		i);
}

static void fill(struct world *w, const char *name, write_document *write, size_t count)
{
	FILE *f = fopen(path_of(w, name), "w");

	assert_non_null(f);
	for (size_t i = 0; i < count; i++)
		write(f, i);
	fclose(f);
}

static void sink_free(void *ctx, struct object *o)
{
	(void)ctx;
	object_free(o);
}

static void sink_gone(void *ctx, enum object_kind kind, const char *ns, const char *name)
{
	(void)ctx;
	(void)kind;
	(void)ns;
	(void)name;
}

static void sink_any(void *ctx, enum object_kind kind)
{
	(void)ctx;
	(void)kind;
}

static void sink_end(void *ctx)
{
	(void)ctx;
}

static const struct sink *quiet(void)
{
	static const struct sink sink = {NULL, sink_free, sink_gone, NULL, sink_any, sink_any, sink_end, sink_end};

	return &sink;
}

static void read_all(struct world *w, const struct manifest *m)
{
	while (m->loader.loads != NULL || m->catalog.dirty != NULL)
		ev_run(w->loop, EVRUN_ONCE);
}

/* Reads the folder, reads it again after the first file became empty, and ends. */
static uint64_t life_ns(struct world *w, write_document *write, size_t count)
{
	uint64_t best = UINT64_MAX;

	for (int i = 0; i < TRIES; i++) {
		struct stderr_lines lines = stderr_lines_begin();
		fill(w, "a.yaml", write, count);
		fill(w, "b.yaml", write, count);
		uint64_t start = cpu_ns();
		struct manifest *m = manifest_new(w->loop, w->dir, quiet());
		put(w, "a.yaml", "");
		manifest_reload(m);
		read_all(w, m);
		manifest_free(m);
		uint64_t took = cpu_ns() - start;
		assert_in_range(stderr_lines_end(&lines), 1, LINES_MAX);
		best = took < best ? took : best;
	}
	return best;
}

static void is_linear(struct world *w, write_document *write)
{
	uint64_t few = life_ns(w, write, FEW), many = life_ns(w, write, MANY);

	if (many > GROWTH_MAX * few)
		fail_msg("%d documents take %.0f ms, %d take %.0f ms", FEW, (double)few / 1e6, MANY,
			 (double)many / 1e6);
}

static void one_object_many_times(void **state)
{
	is_linear(*state, repeated);
}

static void as_many_unknown_kinds(void **state)
{
	is_linear(*state, unknown_kind);
}

static void one_object_refused_many_times(void **state)
{
	is_linear(*state, refused);
}

/* The second file's objects are fetched when the first one's are gone. */
static void each_object_in_two_files(void **state)
{
	is_linear(*state, two_claims);
}

#define FEW_FOLDERS 600
#define MANY_FOLDERS 6000

static void folders_make(struct world *w, size_t count)
{
	char name[64];

	for (size_t i = 0; i < count; i++) {
		snprintf(name, sizeof name, "d%zu", i);
		assert_int_equal(mkdir(path_of(w, name), 0755), 0);
		snprintf(name, sizeof name, "d%zu/a.yaml", i);
		fill(w, name, unknown_kind, 1);
	}
}

static void folders_remove(struct world *w, size_t count)
{
	char name[64];

	for (size_t i = 0; i < count; i++) {
		snprintf(name, sizeof name, "d%zu/a.yaml", i);
		assert_int_equal(unlink(path_of(w, name)), 0);
		snprintf(name, sizeof name, "d%zu", i);
		assert_int_equal(rmdir(path_of(w, name)), 0);
	}
}

/* Reads so many folders, reads them again, and follows their removal. */
static uint64_t folders_ns(struct world *w, size_t count)
{
	uint64_t took;

	folders_make(w, count);
	uint64_t start = cpu_ns();
	struct manifest *m = manifest_new(w->loop, w->dir, quiet());
	manifest_reload(m);
	read_all(w, m);
	took = cpu_ns() - start;
	folders_remove(w, count);
	start = cpu_ns();
	while (tree_files(m->tree) != 0)
		ev_run(w->loop, EVRUN_ONCE);
	manifest_free(m);
	return took + (cpu_ns() - start);
}

static void many_folders(void **state)
{
	struct world *w = *state;
	const uint64_t few = folders_ns(w, FEW_FOLDERS), many = folders_ns(w, MANY_FOLDERS);

	if (many > GROWTH_MAX * few)
		fail_msg("%d folders take %.0f ms, %d take %.0f ms", FEW_FOLDERS, (double)few / 1e6, MANY_FOLDERS,
			 (double)many / 1e6);
}

/* Files may be made as fast as events are read: other work goes on in between. */
static void flood_of_events(void **state)
{
	struct world *w = *state;
	struct manifest *m = manifest_new(w->loop, w->dir, quiet());
	int left = 0;

	fill(w, "x.tmp", repeated, 0);
	for (int i = 0; i < 8000; i++) {
		char *x = path_of(w, "x.tmp"), *y = path_of(w, "y.tmp");
		assert_int_equal(i % 2 == 0 ? rename(x, y) : rename(y, x), 0);
	}
	tree_event(m->tree);
	assert_int_equal(ioctl(tree_fd(m->tree), FIONREAD, &left), 0);
	assert_true(left > 0);
	for (int i = 0; i < 100 && left != 0; i++) {
		tree_event(m->tree);
		assert_int_equal(ioctl(tree_fd(m->tree), FIONREAD, &left), 0);
	}
	assert_int_equal(left, 0);
	manifest_free(m);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, world_new, world_free)
	const struct CMUnitTest tests[] = {
		TEST(many_folders),
		TEST(flood_of_events),
		TEST(one_object_many_times),
		TEST(as_many_unknown_kinds),
		TEST(one_object_refused_many_times),
		TEST(each_object_in_two_files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
