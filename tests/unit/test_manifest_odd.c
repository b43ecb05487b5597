/* The manifest source where things are out of the ordinary: volumes, lost events, odd files; and fairlead check. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/inotify.h>

#include "tests/unit/manifest_world.h"

static void config_map_volume(void **state)
{
	struct world *w = *state;
	struct manifest_counts counts;

	mkdir(path_of(w, "..1"), 0755);
	put(w, "..1/a.yaml", SERVICE("a", 1));
	put(w, "..1/b.yaml", SERVICE("b", 1));
	assert_int_equal(symlink("..1", path_of(w, "..data")), 0);
	assert_int_equal(symlink("..data/a.yaml", path_of(w, "a.yaml")), 0);
	assert_int_equal(symlink("..data/b.yaml", path_of(w, "b.yaml")), 0);
	start(w);
	assert_int_equal(map_count(&w->objects), 2);
	mkdir(path_of(w, "..2"), 0755);
	put(w, "..2/a.yaml", SERVICE("a", 2));
	assert_int_equal(symlink("..2", path_of(w, "..data_tmp")), 0);
	rename(path_of(w, "..data_tmp"), path_of(w, "..data"));
	turn(w); /* kubelet has not removed the link of the missing key yet: nothing is wrong */
	assert_int_equal(port_of(w, "Service default/a"), 2);
	assert_int_equal(map_count(&w->objects), 1);
	manifest_count(w->m, &counts);
	assert_int_equal(counts.problems, 0);
	unlink(path_of(w, "b.yaml"));
	turn(w);
	assert_int_equal(map_count(&w->objects), 1);
}

static void root_replaced(void **state)
{
	struct world *w = *state;
	char away[TEMPFOLDER_BYTES + 8];

	put(w, "a.yaml", SERVICE("a", 1));
	start(w);
	snprintf(away, sizeof away, "%s/away", w->top);
	rename(w->dir, away);
	turn(w);
	assert_int_equal(port_of(w, "Service default/a"), 1); /* gone says nothing */
	mkdir(w->dir, 0755);
	put(w, "b.yaml", SERVICE("b", 2));
	for (int i = 0; i < 3 && (have(w, "Service default/b") == NULL || have(w, "Service default/a") != NULL); i++)
		turn(w);
	assert_int_equal(port_of(w, "Service default/b"), 2);
	assert_null(have(w, "Service default/a"));
	put(w, "b.yaml", SERVICE("b", 3)); /* the new directory is followed */
	turn(w);
	assert_int_equal(port_of(w, "Service default/b"), 3);
}

/* The last good version of what is refused outlives it. */
static void reload_reads_all_again(void **state)
{
	struct world *w = *state;

	put(w, "a.yaml", SERVICE("a", 1));
	put(w, "b.yaml", SERVICE("b", 1));
	start(w);
	put(w, "b.yaml", REFUSED("b"));
	turn(w);
	manifest_reload(w->m);
	assert_int_equal(w->upserts, 2);
	assert_int_equal(port_of(w, "Service default/b"), 1);
	assert_int_equal(w->removes, 0);
	assert_int_equal(w->turns, 3);
}

/* More events than the kernel keeps: all is read again. */
static void lost_events(void **state)
{
	struct world *w = *state;

	put(w, "a.yaml", SERVICE("a", 1));
	put(w, "b.yaml", SERVICE("b", 1));
	put(w, "x.tmp", "");
	start(w);
	for (int i = 0; i < 20000; i++) { /* the queue holds 16384 */
		char *x = path_of(w, "x.tmp"), *y = path_of(w, "y.tmp");
		assert_int_equal(i % 2 == 0 ? rename(x, y) : rename(y, x), 0);
	}
	put(w, "a.yaml", SERVICE("a", 2)); /* no event says so */
	unlink(path_of(w, "b.yaml"));
	for (int i = 0; i < 1000 && have(w, "Service default/b") != NULL; i++) /* some of a flood at a time */
		turn(w);
	assert_int_equal(port_of(w, "Service default/a"), 2);
	assert_null(have(w, "Service default/b"));
	put(w, "a.yaml", SERVICE("a", 3)); /* and it goes on */
	turn(w);
	assert_int_equal(port_of(w, "Service default/a"), 3);
}

/* What had the path before is gone, without an event about what was in it. */
static void directory_becomes_a_link(void **state)
{
	struct world *w = *state;
	char away[TEMPFOLDER_BYTES + 8];

	mkdir(path_of(w, "x"), 0755);
	mkdir(path_of(w, "y"), 0755);
	put(w, "x/a.yaml", SERVICE("a", 1));
	put(w, "y/b.yaml", SERVICE("b", 1));
	start(w);
	assert_int_equal(map_count(&w->objects), 2);
	snprintf(away, sizeof away, "%s/away", w->top);
	assert_int_equal(rename(path_of(w, "x"), away), 0);
	assert_int_equal(symlink("y", path_of(w, "x")), 0);
	turn(w);
	assert_null(have(w, "Service default/a"));
	assert_int_equal(port_of(w, "Service default/b"), 1);
	assert_int_equal(map_count(&w->objects), 1);
}

static void directory_becomes_a_file(void **state)
{
	struct world *w = *state;
	char away[TEMPFOLDER_BYTES + 8];

	mkdir(path_of(w, "x"), 0755);
	put(w, "x/a.yaml", SERVICE("a", 1));
	put(w, "x.new", "");
	start(w);
	snprintf(away, sizeof away, "%s/away", w->top);
	assert_int_equal(rename(path_of(w, "x"), away), 0);
	char *from = path_of(w, "x.new"), *to = path_of(w, "x");
	assert_int_equal(rename(from, to), 0);
	turn(w);
	assert_int_equal(map_count(&w->objects), 0);
}

static void file_becomes_a_directory(void **state)
{
	struct world *w = *state;

	put(w, "x.yaml", SERVICE("a", 1));
	start(w);
	char *from = path_of(w, "x.yaml"), *to = path_of(w, "y");
	assert_int_equal(rename(from, to), 0);
	mkdir(path_of(w, "x.yaml"), 0755);
	put(w, "x.yaml/b.yaml", SERVICE("b", 1));
	turn(w);
	assert_null(have(w, "Service default/a"));
	assert_int_equal(port_of(w, "Service default/b"), 1);
}

#define OTHER(kind) "apiVersion: apps/v1\nkind: " kind "\nmetadata: {name: x\n"

/* What cannot be read, but is none of ours, holds nothing back; what may be one of ours does. */
static void an_unreadable_document_of_another_kind(void **state)
{
	static const char *const held[] = {OTHER("Service"), OTHER("List"), OTHER("Job\nkind: Service"),
					   OTHER("{{ x }}"), "{kind: Job\n"};
	struct world *w = *state;

	put(w, "a.yaml", SERVICE("a", 1));
	start(w);
	for (size_t i = 0; i < sizeof held / sizeof held[0]; i++) {
		put(w, "a.yaml", held[i]);
		turn(w);
		assert_non_null(have(w, "Service default/a"));
	}
	put(w, "a.yaml", OTHER("Deployment # ours"));
	turn(w);
	assert_null(have(w, "Service default/a"));
}

/* Each gives one line and no more harm. */
static void odd_files(void **state)
{
	struct world *w = *state;
	struct manifest_counts counts;
	const int opened = inotify_init1(IN_NONBLOCK);
	char events[4096];

	mkdir(path_of(w, "sub"), 0755);
	put(w, "a.yaml", SERVICE("a", 1));
	assert_int_equal(symlink("..", path_of(w, "sub/loop")), 0);
	assert_int_equal(symlink("self.yaml", path_of(w, "self.yaml")), 0);
	assert_int_equal(symlink("nowhere.yaml", path_of(w, "dangling.yaml")), 0);
	assert_int_equal(mkfifo(path_of(w, "fifo.yaml"), 0644), 0);
	mkdir(path_of(w, "dir.yaml"), 0755);
	put(w, "dir.yaml/b.yaml", SERVICE("b", 2));
	put(w, "empty.yaml", "");
	assert_true(inotify_add_watch(opened, path_of(w, "fifo.yaml"), IN_OPEN) >= 0);
	start(w);
	assert_int_equal(read(opened, events, sizeof events), -1); /* its writer does not see a reader */
	close(opened);
	assert_int_equal(map_count(&w->objects), 2);
	manifest_count(w->m, &counts);
	assert_int_equal(counts.problems, 4); /* loop, self.yaml, dangling.yaml, fifo.yaml */
	unlink(path_of(w, "fifo.yaml"));
	put(w, "fifo.yaml", SERVICE("c", 3)); /* a file after all */
	turn(w);
	assert_int_equal(port_of(w, "Service default/c"), 3);
	put(w, "nowhere.yaml", SERVICE("d", 4)); /* and a link that now points somewhere is another claim */
	turn(w);
	assert_int_equal(port_of(w, "Service default/d"), 4);
}

/* Of two definitions the first counts, also when nothing but their order has changed. */
static void documents_change_places(void **state)
{
	struct world *w = *state;

	put(w, "a.yaml", "---\n" SERVICE("a", 1) "---\n" SERVICE("a", 2));
	start(w);
	assert_int_equal(port_of(w, "Service default/a"), 1);
	put(w, "a.yaml", "---\n" SERVICE("a", 2) "---\n" SERVICE("a", 1));
	turn(w);
	assert_int_equal(port_of(w, "Service default/a"), 2);
}

/* What is linked is neither closed nor renamed: it is complete when it appears. */
static void a_hard_link_is_read_at_once(void **state)
{
	struct world *w = *state;
	char from[TEMPFOLDER_BYTES + 16];

	put(w, "a.yaml", SERVICE("a", 1));
	start(w);
	put(w, ".b", SERVICE("b", 2));
	snprintf(from, sizeof from, "%s/.b", w->dir);
	assert_int_equal(link(from, path_of(w, "b.yaml")), 0);
	turn(w);
	assert_int_equal(port_of(w, "Service default/b"), 2);
}

static void check_prints_every_bad_object(void **state)
{
	struct world *w = *state;
	struct manifest_counts counts = {0};
	char *text = NULL;
	size_t bytes = 0;
	FILE *out = open_memstream(&text, &bytes);
	char expected[512];

	put(w, "a.yaml", SERVICE("a", 1) "---\n" REFUSED("b") "---\nx: [\n");
	assert_true(check_print(path_of(w, "a.yaml"), out, &counts));
	fclose(out);
	snprintf(expected, sizeof expected,
		 "%s/a.yaml:9: Service default/b: spec.ports[0].port: 99999 is not in 1…65535\n"
		 "%s/a.yaml:1",
		 w->dir, w->dir);
	assert_non_null(strstr(text, expected));
	free(text);
	assert_int_equal(counts.files, 1);
	assert_int_equal(counts.documents, 3);
	assert_int_equal(counts.objects, 1);
	assert_int_equal(counts.refused, 2);
}

/* One line an object, about what it is refused for; the rest by number and fields. */
static void one_line_per_bad_object(void **state)
{
	struct world *w = *state;
	struct manifest_counts counts = {0};
	char *text = NULL, expected[1024];
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);

	put(w, "a.yaml",
	    "apiVersion: v1\nkind: List\nitems:\n"
	    "- {apiVersion: v1, kind: Service, metadata: {name: a, annotations: {fairlead/lb: x}},\n"
	    "   spec: {clusterIP: 10.96.0.1, type: X, ports: [{port: 0}], externalIPs: [x, y, z]}}\n"
	    "- {apiVersion: v1, kind: Service, metadata: {name: b},\n"
	    "   spec: {clusterIP: 10.96.0.2, type: LoadBalancer, ports: [{port: 80}]},\n"
	    "   status: {loadBalancer: {ingress: [{ip: x}, {ip: y}]}}}\n"
	    "- {kind: Service}\n"
	    "- {apiVersion: v1, kind: Service, metadata: {name: c}, spec: {clusterIP: 10.96.0.3, ports: [{port: "
	    "80}]}}\n");
	assert_true(check_print(path_of(w, "a.yaml"), out, &counts));
	fclose(out);
	snprintf(expected, sizeof expected,
		 "%1$s/a.yaml:5: Service default/a: spec.type: \"X\" is none of ClusterIP, NodePort, LoadBalancer, "
		 "ExternalName; and 5 more: spec.ports[0].port, spec.externalIPs[0], spec.externalIPs[1], "
		 "spec.externalIPs[2], …\n"
		 "%1$s/a.yaml:8: Service default/b: status.loadBalancer.ingress[0].ip: \"x\" is not an IP address; "
		 "and 1 more: status.loadBalancer.ingress[1].ip\n"
		 "%1$s/a.yaml:9: apiVersion: missing\n",
		 w->dir);
	assert_string_equal(text, expected);
	free(text);
	assert_int_equal(counts.problems, 3);
	assert_int_equal(counts.refused, 2);
	assert_int_equal(counts.objects, 2);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, world_new, world_free)
	const struct CMUnitTest tests[] = {
		TEST(config_map_volume),
		TEST(root_replaced),
		TEST(reload_reads_all_again),
		TEST(lost_events),
		TEST(directory_becomes_a_link),
		TEST(directory_becomes_a_file),
		TEST(file_becomes_a_directory),
		TEST(an_unreadable_document_of_another_kind),
		TEST(odd_files),
		TEST(documents_change_places),
		TEST(a_hard_link_is_read_at_once),
		TEST(check_prints_every_bad_object),
		TEST(one_line_per_bad_object),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
