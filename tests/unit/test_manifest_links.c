/* A manifest folder behind links: whichever of them changes, what it leads to now is read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/manifest_world.h"

static char *in_top(struct world *w, const char *name)
{
	static char paths[8][256];
	static unsigned which;
	char *path = paths[which++ % 8];

	snprintf(path, 256, "%.63s/%s", w->top, name);
	return path;
}

static void folder(struct world *w, const char *name)
{
	assert_int_equal(mkdir(in_top(w, name), 0755), 0);
}

static void move(struct world *w, const char *from, const char *to)
{
	assert_int_equal(rename(in_top(w, from), in_top(w, to)), 0);
}

static void link_to(struct world *w, const char *target, const char *name)
{
	assert_int_equal(symlink(target, in_top(w, name)), 0);
}

/* As `ln -sfn` of a careful program, git-sync and kubelet do: a new link is renamed over the old one. */
static void link_swap(struct world *w, const char *target, const char *name)
{
	link_to(w, target, ".swap");
	assert_int_equal(rename(in_top(w, ".swap"), in_top(w, name)), 0);
}

static void start_at(struct world *w, const char *name)
{
	snprintf(w->dir, sizeof w->dir, "%s", "");
	w->m = manifest_new(w->loop, in_top(w, name), &w->sink);
	assert_non_null(w->m);
}

static void port_becomes(struct world *w, uint16_t port)
{
	const uint64_t limit = clock_ms() + 10000;

	while ((have(w, "Service default/a") == NULL || port_of(w, "Service default/a") != port) &&
	       clock_ms() < limit) {
		ev_run(w->loop, EVRUN_NOWAIT);
		usleep(1000);
	}
	assert_int_equal(port_of(w, "Service default/a"), port);
}

/* What the folder leads to now is followed, too, and what it led to before is not. */
static void is_followed(struct world *w, const char *now, const char *before)
{
	write_at(in_top(w, before), SERVICE("a", 9));
	write_at(in_top(w, now), SERVICE("a", 8));
	port_becomes(w, 8);
	assert_int_equal(w->removes, 0);
}

/* A folder that was below another one takes its place, and it its, all in one turn. */
static void folders_change_places(void **state)
{
	struct world *w = *state;

	folder(w, "f");
	start_at(w, "f");
	for (unsigned i = 0; i < 40; i++) { /* in which order they are looked at is drawn by a hash */
		char outer[32], inner[48], aside[32], text[64];
		snprintf(outer, sizeof outer, "f/a%u", i);
		snprintf(inner, sizeof inner, "f/a%u/b", i);
		snprintf(aside, sizeof aside, "aside%u", i);
		folder(w, outer);
		folder(w, inner);
		snprintf(text, sizeof text, "%s/a.yaml", inner);
		write_at(in_top(w, text), SERVICE("a", 1));
		turn(w);
		assert_non_null(have(w, "Service default/a"));
		move(w, inner, aside);
		move(w, outer, "t");
		folder(w, outer);
		move(w, "t", inner);
		turn(w);
		assert_null(have(w, "Service default/a"));
	}
}

/* current -> releases/1, the folder itself. */
static void the_folder_is_a_link(void **state)
{
	struct world *w = *state;

	folder(w, "releases");
	folder(w, "releases/1");
	folder(w, "releases/2");
	write_at(in_top(w, "releases/1/a.yaml"), SERVICE("a", 1));
	write_at(in_top(w, "releases/2/a.yaml"), SERVICE("a", 2));
	link_to(w, "releases/1", "current");
	start_at(w, "current");
	port_becomes(w, 1);
	link_swap(w, "releases/2", "current");
	port_becomes(w, 2);
	is_followed(w, "releases/2/a.yaml", "releases/1/a.yaml");
	link_swap(w, "releases/1", "current");
	port_becomes(w, 9);
}

/* app/current/config/prod, where current is the link. */
static void a_release_link_above(void **state)
{
	struct world *w = *state;

	folder(w, "app");
	folder(w, "app/7");
	folder(w, "app/8");
	folder(w, "app/7/config");
	folder(w, "app/8/config");
	folder(w, "app/7/config/prod");
	folder(w, "app/8/config/prod");
	write_at(in_top(w, "app/7/config/prod/a.yaml"), SERVICE("a", 7));
	write_at(in_top(w, "app/8/config/prod/a.yaml"), SERVICE("a", 8));
	link_to(w, "7", "app/current");
	start_at(w, "app/current/config/prod");
	port_becomes(w, 7);
	link_swap(w, "8", "app/current");
	port_becomes(w, 8);
	is_followed(w, "app/8/config/prod/a.yaml", "app/7/config/prod/a.yaml");
}

/* git-sync: /git/repo -> .worktrees/SHA, the folder below it; the old work tree is removed afterwards. */
static void git_sync(void **state)
{
	struct world *w = *state;

	folder(w, ".worktrees");
	folder(w, ".worktrees/aa");
	folder(w, ".worktrees/aa/deploy");
	write_at(in_top(w, ".worktrees/aa/deploy/a.yaml"), SERVICE("a", 1));
	link_to(w, ".worktrees/aa", "repo");
	start_at(w, "repo/deploy");
	for (uint16_t round = 2; round < 5; round++) {
		const char *old = round % 2 == 0 ? "aa" : "bb", *new = round % 2 == 0 ? "bb" : "aa";
		char path[64], text[256];
		snprintf(path, sizeof path, ".worktrees/%s", new);
		folder(w, path);
		snprintf(path, sizeof path, ".worktrees/%s/deploy", new);
		folder(w, path);
		snprintf(path, sizeof path, ".worktrees/%s/deploy/a.yaml", new);
		snprintf(text, sizeof text,
			 "apiVersion: v1\nkind: Service\nmetadata: {name: a}\n"
			 "spec: {clusterIP: 10.96.0.10, ports: [{port: %u}]}\n",
			 round);
		write_at(in_top(w, path), text);
		snprintf(path, sizeof path, ".worktrees/%s", new);
		link_swap(w, path, "repo");
		port_becomes(w, round);
		snprintf(path, sizeof path, ".worktrees/%s/deploy/a.yaml", old);
		unlink(in_top(w, path));
		snprintf(path, sizeof path, ".worktrees/%s/deploy", old);
		rmdir(in_top(w, path));
		snprintf(path, sizeof path, ".worktrees/%s", old);
		assert_int_equal(rmdir(in_top(w, path)), 0);
	}
	port_becomes(w, 4);
	assert_int_equal(w->removes, 0);
}

/* A chain: live -> blue -> releases/1; the one in the middle is swapped, then the first. Absolute and relative. */
static void a_chain_of_links(void **state)
{
	struct world *w = *state;
	char absolute[256];

	for (int i = 1; i <= 3; i++) {
		char path[32], text[16];
		snprintf(path, sizeof path, "r%d", i);
		folder(w, path);
		snprintf(text, sizeof text, "r%d/a.yaml", i);
		write_at(in_top(w, text), i == 1 ? SERVICE("a", 1) : i == 2 ? SERVICE("a", 2) : SERVICE("a", 3));
	}
	link_to(w, "r1", "blue");
	link_to(w, "r3", "green");
	snprintf(absolute, sizeof absolute, "%s", in_top(w, "blue"));
	link_to(w, absolute, "live");
	start_at(w, "live");
	port_becomes(w, 1);
	link_swap(w, "./r2/", "blue");
	port_becomes(w, 2);
	link_swap(w, "r1/../green", "live");
	port_becomes(w, 3);
	is_followed(w, "r3/a.yaml", "r2/a.yaml");
}

/* ..data of a Kubernetes volume, where the folder is a key's directory below it, or the volume's own. */
static void config_map_data(void **state)
{
	struct world *w = *state;

	folder(w, "cfg");
	folder(w, "cfg/..1");
	write_at(in_top(w, "cfg/..1/a.yaml"), SERVICE("a", 1));
	link_to(w, "..1", "cfg/..data");
	link_to(w, "..data/a.yaml", "cfg/a.yaml");
	start_at(w, "cfg/..data");
	port_becomes(w, 1);
	folder(w, "cfg/..2");
	write_at(in_top(w, "cfg/..2/a.yaml"), SERVICE("a", 2));
	link_swap(w, "..2", "cfg/..data");
	port_becomes(w, 2);
	manifest_free(w->m);
	start_at(w, "cfg/a.yaml"); /* one key, as a single file */
	link_swap(w, "..1", "cfg/..data");
	port_becomes(w, 1);
}

/* Links inside the folder lead elsewhere: a file that is written in place, or behind a release link; a directory. */
static void links_inside(void **state)
{
	struct world *w = *state;

	folder(w, "shared");
	folder(w, "v1");
	folder(w, "v2");
	write_at(in_top(w, "shared/a.yaml"), SERVICE("a", 1));
	write_at(in_top(w, "v1/b.yaml"), SERVICE("b", 1));
	write_at(in_top(w, "v2/b.yaml"), SERVICE("b", 2));
	link_to(w, "../shared/a.yaml", "m/a.yaml");
	link_to(w, "v1", "current");
	link_to(w, "../current", "m/sub");
	start(w);
	assert_int_equal(map_count(&w->objects), 2);
	write_at(in_top(w, "shared/a.yaml"), SERVICE("a", 2));
	port_becomes(w, 2);
	write_at(in_top(w, "shared/.new"), SERVICE("a", 3));
	rename(in_top(w, "shared/.new"), in_top(w, "shared/a.yaml"));
	port_becomes(w, 3);
	link_swap(w, "v2", "current");
	turn(w);
	assert_int_equal(port_of(w, "Service default/b"), 2);
	unlink(path_of(w, "a.yaml")); /* no link any more: what it led to is nothing to us */
	turn(w);
	assert_null(have(w, "Service default/a"));
	write_at(in_top(w, "shared/a.yaml"), SERVICE("a", 4));
	put(w, "c.yaml", SERVICE("c", 1));
	turn(w);
	assert_null(have(w, "Service default/a"));
}

/* Removed first, then made: nothing is lost in between, however long it is. A directory in place of another, too. */
static void swapped_in_two_steps(void **state)
{
	struct world *w = *state;

	folder(w, "one");
	folder(w, "one/m");
	folder(w, "two");
	folder(w, "two/m");
	write_at(in_top(w, "one/m/a.yaml"), SERVICE("a", 1));
	write_at(in_top(w, "two/m/a.yaml"), SERVICE("a", 2));
	link_to(w, "one", "current");
	start_at(w, "current/m");
	unlink(in_top(w, "current"));
	turn(w);
	assert_int_equal(port_of(w, "Service default/a"), 1);
	link_to(w, "two", "current");
	port_becomes(w, 2);
	rename(in_top(w, "two"), in_top(w, "old"));
	rename(in_top(w, "one"), in_top(w, "two"));
	port_becomes(w, 1);
	assert_int_equal(w->removes, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_new, world_free)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(folders_change_places), TEST(the_folder_is_a_link),
		TEST(a_release_link_above),  TEST(git_sync),
		TEST(a_chain_of_links),	     TEST(config_map_data),
		TEST(links_inside),	     TEST(swapped_in_two_steps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
