/* What a folder of manifests may cost: time linear in its documents, and few lines in the log whatever is in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

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

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, world_new, world_free)
	const struct CMUnitTest tests[] = {
		TEST(one_object_many_times),
		TEST(as_many_unknown_kinds),
		TEST(one_object_refused_many_times),
		TEST(each_object_in_two_files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
