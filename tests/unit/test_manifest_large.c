/* Large manifests are read by another thread: others do not wait, and what comes of it is as if they had. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/manifest_world.h"
#include "tests/unit/stderrlines.h"
#include "watch/manifest/manifest_private.h"

#define MANY 3000 /* about 350 KB */

static void document(FILE *f, const char *name, unsigned port)
{
	fprintf(f,
		"---\napiVersion: v1\nkind: Service\nmetadata: {name: %s}\n"
		"spec: {clusterIP: 10.96.0.10, ports: [{port: %u}]}\n",
		name, port);
}

/* Services s0, s1, … of one port, and another one behind them. */
static void put_large(struct world *w, const char *file, unsigned port, const char *more)
{
	FILE *f = fopen(path_of(w, file), "w");
	char name[32];

	assert_non_null(f);
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(name, sizeof name, "s%u", i);
		document(f, name, port);
	}
	fputs(more, f);
	fclose(f);
}

static bool is_busy(const struct world *w)
{
	return w->m->loader.loads != NULL || w->m->catalog.dirty != NULL || w->m->catalog.waiting_count != 0;
}

/* Until a while after nothing was left to do. */
static void settle(struct world *w)
{
	const uint64_t limit_ms = clock_ms() + 60000;

	for (unsigned quiet = 0; quiet < 20; quiet = is_busy(w) ? 0 : quiet + 1) {
		assert_true(clock_ms() < limit_ms);
		ev_run(w->loop, EVRUN_NOWAIT);
		usleep(1000);
	}
}

/* Until the file is with the reader. */
static void until_asked(struct world *w)
{
	const uint64_t limit_ms = clock_ms() + 10000;

	while (w->m->loader.loads == NULL) {
		assert_true(clock_ms() < limit_ms);
		ev_run(w->loop, EVRUN_NOWAIT);
	}
}

static void begin(struct world *w)
{
	put(w, "a.yaml", SERVICE("small", 1));
	put_large(w, "b.yaml", 1, "");
	start(w);
	assert_int_equal(map_count(&w->objects), MANY + 1);
}

static void others_do_not_wait(void **state)
{
	struct world *w = *state;

	begin(w);
	put_large(w, "b.yaml", 2, "");
	until_asked(w);
	assert_int_equal(port_of(w, "Service default/s2999"), 1);
	put(w, "a.yaml", SERVICE("small", 3)); /* while it is read */
	settle(w);
	assert_int_equal(port_of(w, "Service default/small"), 3);
	assert_int_equal(port_of(w, "Service default/s0"), 2);
	assert_int_equal(port_of(w, "Service default/s2999"), 2);
	assert_int_equal(w->removes, 0);
}

static void only_what_changed_is_told(void **state)
{
	struct world *w = *state;
	unsigned upserts;

	begin(w);
	upserts = w->upserts;
	put_large(w, "b.yaml", 1, "---\n" SERVICE("more", 7));
	settle(w);
	assert_int_equal(port_of(w, "Service default/more"), 7);
	assert_int_equal(w->upserts, upserts + 1);
	put_large(w, "b.yaml", 1, "");
	settle(w);
	assert_null(have(w, "Service default/more"));
	assert_int_equal(w->upserts, upserts + 1);
	assert_int_equal(w->removes, 1);
}

static void the_last_state_counts(void **state)
{
	struct world *w = *state;

	begin(w);
	for (unsigned port = 2; port < 6; port++) {
		put_large(w, "b.yaml", port, port == 3 ? "---\n" SERVICE("more", 7) : "");
		until_asked(w);
	}
	settle(w);
	assert_int_equal(port_of(w, "Service default/s0"), 5);
	assert_int_equal(port_of(w, "Service default/s2999"), 5);
	assert_null(have(w, "Service default/more"));
	put_large(w, "b.yaml", 6, "");
	until_asked(w);
	put(w, "b.yaml", SERVICE("s0", 7)); /* small now: not before what was asked for */
	settle(w);
	assert_int_equal(port_of(w, "Service default/s0"), 7);
	assert_int_equal(map_count(&w->objects), 2);
}

static void gone_while_it_is_read(void **state)
{
	struct world *w = *state;

	begin(w);
	put_large(w, "b.yaml", 2, "---\n" SERVICE("more", 7));
	until_asked(w);
	assert_int_equal(unlink(path_of(w, "b.yaml")), 0);
	settle(w);
	assert_int_equal(map_count(&w->objects), 1);
	assert_null(have(w, "Service default/more"));
}

static void the_end_while_it_is_read(void **state)
{
	struct world *w = *state;

	begin(w);
	put_large(w, "b.yaml", 2, "");
	put_large(w, "c.yaml", 2, "");
	until_asked(w);
	manifest_free(w->m);
	w->m = NULL;
}

/* It is never gone in between, whichever file is read first. */
static void an_object_that_moves(void **state)
{
	struct world *w = *state;

	begin(w);
	put_large(w, "b.yaml", 1, "---\n" SERVICE("small", 1));
	assert_int_equal(unlink(path_of(w, "a.yaml")), 0);
	settle(w);
	assert_int_equal(w->removes, 0);
	put(w, "a.yaml", SERVICE("small", 1));
	put_large(w, "b.yaml", 1, "");
	settle(w);
	assert_int_equal(w->removes, 0);
	put_large(w, "b.yaml", 2, "---\n" SERVICE("small", 1));
	until_asked(w);
	assert_int_equal(unlink(path_of(w, "a.yaml")), 0);
	settle(w);
	assert_int_equal(w->removes, 0);
	assert_int_equal(map_count(&w->objects), MANY + 1);
}

static void an_object_that_goes_meanwhile(void **state)
{
	struct world *w = *state;

	begin(w);
	put_large(w, "b.yaml", 2, "");
	until_asked(w);
	assert_int_equal(unlink(path_of(w, "a.yaml")), 0);
	settle(w);
	assert_null(have(w, "Service default/small"));
	assert_int_equal(w->removes, 1);
}

/* The version that was not shown so far is read again. */
static void the_other_of_two_definitions(void **state)
{
	struct world *w = *state;

	put(w, "a.yaml", SERVICE("s7", 77));
	put_large(w, "b.yaml", 1, "");
	start(w);
	assert_int_equal(port_of(w, "Service default/s7"), 77);
	assert_int_equal(unlink(path_of(w, "a.yaml")), 0);
	settle(w);
	assert_int_equal(port_of(w, "Service default/s7"), 1);
	assert_int_equal(w->removes, 0);
	put(w, "a.yaml", SERVICE("s7", 78) "---\n" SERVICE("s2999", 79));
	put_large(w, "b.yaml", 2, "");
	settle(w);
	assert_int_equal(port_of(w, "Service default/s2999"), 79);
	put(w, "a.yaml", "");
	settle(w);
	assert_int_equal(port_of(w, "Service default/s7"), 2);
	assert_int_equal(port_of(w, "Service default/s2999"), 2);
	assert_int_equal(w->removes, 0);
}

static void what_is_refused_keeps_its_last_good_version(void **state)
{
	struct world *w = *state;
	struct stderr_lines lines;

	put_large(w, "b.yaml", 1, "---\n" SERVICE("more", 7));
	start(w);
	lines = stderr_lines_begin();
	put_large(w, "b.yaml", 2, "---\n" REFUSED("more"));
	settle(w);
	assert_int_equal(stderr_lines_end(&lines), 1);
	assert_int_equal(port_of(w, "Service default/more"), 7);
	assert_int_equal(port_of(w, "Service default/s2999"), 2);
	lines = stderr_lines_begin();
	put_large(w, "b.yaml", 3, "---\n" BROKEN("more"));
	settle(w);
	assert_int_equal(stderr_lines_end(&lines), 1);
	assert_int_equal(port_of(w, "Service default/more"), 7);
	put_large(w, "b.yaml", 3, "---\n" SERVICE("more", 8));
	settle(w);
	assert_int_equal(port_of(w, "Service default/more"), 8);
	lines = stderr_lines_begin();
	put_large(w, "b.yaml", 3, "---\n{apiVersion: v1, kind: Servce, metadata: {name: more}}\n");
	settle(w);
	assert_int_equal(stderr_lines_end(&lines), 2); /* mistyped, and what went with it */
	assert_null(have(w, "Service default/more"));
}

/* One summary, not one of each slice. */
static void many_problems_are_few_lines(void **state)
{
	struct world *w = *state;
	struct stderr_lines lines;
	FILE *f;

	put(w, "a.yaml", SERVICE("small", 1));
	start(w);
	lines = stderr_lines_begin();
	f = fopen(path_of(w, "b.yaml"), "w");
	assert_non_null(f);
	for (unsigned i = 0; i < 10000; i++)
		fprintf(f, "---\n" REFUSED("bad") "# %u\n", i);
	fclose(f);
	settle(w);
	assert_in_range(stderr_lines_end(&lines), 1, 30);
}

/* ---- any order ---- */

#define FILES 5
#define NAMES 12
#define ROUNDS 60

static unsigned draw(unsigned *seed, unsigned below)
{
	*seed = *seed * 1103515245 + 12345;
	return *seed / 65536 % below;
}

/* A few of the names, in any file; large ones are so by what is not read. */
static void put_any(struct world *w, unsigned *seed)
{
	char file[16], name[16];
	FILE *f;

	snprintf(file, sizeof file, "%u.yaml", draw(seed, FILES));
	if (draw(seed, 5) == 0) {
		unlink(path_of(w, file));
		return;
	}
	f = fopen(path_of(w, file), "w");
	assert_non_null(f);
	for (unsigned i = draw(seed, 5); i > 0; i--) {
		snprintf(name, sizeof name, "n%u", draw(seed, NAMES));
		document(f, name, 1 + draw(seed, 3));
	}
	for (unsigned i = draw(seed, 2) * 2000; i > 0; i--)
		fprintf(f, "---\n{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: d%u}}\n", i);
	fclose(f);
}

static void same_as_read_anew(struct world *w)
{
	struct world *fresh;
	const struct kept *k;
	size_t at = 0;

	world_new((void **)&fresh);
	tempfolder_free(fresh->top);
	memcpy(fresh->dir, w->dir, sizeof w->dir);
	start(fresh);
	assert_int_equal(map_count(&w->objects), map_count(&fresh->objects));
	while ((k = map_next(&w->objects, &at)) != NULL) {
		assert_non_null(have(fresh, k->key));
		assert_int_equal(port_of(w, k->key), port_of(fresh, k->key));
	}
	tempfolder_new(fresh->top, "manifest");
	world_free((void **)&fresh);
}

static void any_order(void **state)
{
	struct world *w = *state;
	unsigned seed = 7;

	put(w, "0.yaml", SERVICE("n0", 1));
	start(w);
	for (unsigned round = 0; round < ROUNDS; round++) {
		for (unsigned changes = 1 + draw(&seed, 6); changes > 0; changes--) {
			put_any(w, &seed);
			for (unsigned turns = draw(&seed, 4); turns > 0; turns--)
				ev_run(w->loop, EVRUN_NOWAIT);
			usleep(draw(&seed, 3) * 500);
		}
		settle(w);
		same_as_read_anew(w);
	}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, world_new, world_free)
	const struct CMUnitTest tests[] = {
		TEST(others_do_not_wait),
		TEST(only_what_changed_is_told),
		TEST(the_last_state_counts),
		TEST(gone_while_it_is_read),
		TEST(the_end_while_it_is_read),
		TEST(an_object_that_moves),
		TEST(an_object_that_goes_meanwhile),
		TEST(the_other_of_two_definitions),
		TEST(what_is_refused_keeps_its_last_good_version),
		TEST(many_problems_are_few_lines),
		TEST(any_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
