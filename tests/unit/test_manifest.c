/* The manifest directory as the sink sees it: real files, real inotify, a sink that keeps what it is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <ev.h>

#include "base/clock.h"
#include "base/map.h"
#include "watch/manifest.h"

struct world {
	char dir[64], top[64];
	struct ev_loop *loop;
	struct manifest *m;
	struct sink sink;
	struct map objects; /* "Kind ns/name" to struct kept */
	unsigned lists, completes, turns, upserts, removes;
};

struct kept {
	char key[256];
	struct object *o;
};

static void key_of(char key[256], enum object_kind kind, const char *ns, const char *name)
{
	snprintf(key, 256, "%s %s/%s", object_kind_name(kind), ns, name);
}

static void kept_drop(struct world *w, const char *key)
{
	struct kept *k = map_del_str(&w->objects, key);

	if (k == NULL)
		return;
	object_free(k->o);
	free(k);
}

static void sink_upsert(void *ctx, struct object *o)
{
	struct world *w = ctx;
	struct kept *k = mem_alloc(sizeof *k);

	key_of(k->key, o->kind, o->ns, o->name);
	k->o = o;
	kept_drop(w, k->key);
	map_put_str(&w->objects, k->key, k);
	w->upserts++;
}

static void sink_remove(void *ctx, enum object_kind kind, const char *ns, const char *name)
{
	struct world *w = ctx;
	char key[256];

	key_of(key, kind, ns, name);
	assert_non_null(map_get_str(&w->objects, key)); /* only what was shown is removed */
	kept_drop(w, key);
	w->removes++;
}

static void sink_list(void *ctx, enum object_kind kind)
{
	(void)kind;
	((struct world *)ctx)->lists++;
}

static void sink_complete(void *ctx)
{
	((struct world *)ctx)->completes++;
}

static void sink_turn(void *ctx)
{
	((struct world *)ctx)->turns++;
}

static int world_new(void **state)
{
	struct world *w = mem_alloc(sizeof *w);

	snprintf(w->top, sizeof w->top, "/tmp/fairlead-manifest-XXXXXX");
	assert_non_null(mkdtemp(w->top));
	snprintf(w->dir, sizeof w->dir, "%.50s/m", w->top);
	assert_int_equal(mkdir(w->dir, 0755), 0);
	w->loop = ev_loop_new(0);
	w->sink = (struct sink){w, sink_upsert, sink_remove, NULL, sink_list, sink_list, sink_complete, sink_turn};
	*state = w;
	return 0;
}

static int world_free(void **state)
{
	struct world *w = *state;
	char command[128];
	struct kept *k;
	size_t at = 0;

	manifest_free(w->m);
	while ((k = map_next(&w->objects, &at)) != NULL)
		kept_drop(w, k->key);
	map_fini(&w->objects);
	ev_loop_destroy(w->loop);
	snprintf(command, sizeof command, "rm -rf %s", w->top);
	assert_int_equal(system(command), 0);
	free(w);
	return 0;
}

static void start(struct world *w)
{
	w->m = manifest_new(w->loop, w->dir, &w->sink);
	assert_non_null(w->m);
	assert_int_equal(w->completes, 1);
	assert_int_equal(w->lists, 2 * OBJECT_KINDS);
	assert_int_equal(w->turns, 1);
}

static void write_at(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static char *path_of(struct world *w, const char *name)
{
	static char paths[4][256];
	static unsigned which;
	char *path = paths[which++ % 4];

	snprintf(path, 256, "%.63s/%s", w->dir, name);
	return path;
}

static void put(struct world *w, const char *name, const char *text)
{
	write_at(path_of(w, name), text);
}

/* Lets events arrive until nothing more is pending. */
static void turn(struct world *w)
{
	unsigned before = w->turns;
	uint64_t limit = clock_ms() + 10000;

	while (w->turns == before && clock_ms() < limit) {
		ev_run(w->loop, EVRUN_NOWAIT);
		usleep(1000);
	}
	assert_int_not_equal(w->turns, before);
	ev_run(w->loop, EVRUN_NOWAIT);
}

static const struct object *have(struct world *w, const char *key)
{
	struct kept *k = map_get_str(&w->objects, key);

	return k != NULL ? k->o : NULL;
}

static uint16_t port_of(struct world *w, const char *key)
{
	const struct service_object *s = (const struct service_object *)have(w, key);

	assert_non_null(s);
	return s->ports[0].port;
}

#define SERVICE(name, port)                                           \
	"apiVersion: v1\nkind: Service\nmetadata: {name: " name "}\n" \
	"spec: {clusterIP: 10.96.0.10, ports: [{port: " #port "}]}\n"
#define BROKEN(name) "apiVersion: v1\nkind: Service\nmetadata: {name: " name "\n"
#define REFUSED(name)                                                 \
	"apiVersion: v1\nkind: Service\nmetadata: {name: " name "}\n" \
	"spec: {clusterIP: 10.96.0.10, ports: [{port: 99999}]}\n"

static void reads_all_below(void **state)
{
	struct world *w = *state;

	mkdir(path_of(w, "sub"), 0755);
	put(w, "a.yaml", SERVICE("a", 1) "---\n" SERVICE("b", 2));
	put(w, "sub/c.yml", SERVICE("c", 3));
	put(w, "d.json", "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\"d\"}}");
	put(w, ".hidden.yaml", SERVICE("hidden", 1));
	put(w, "a.yaml~", SERVICE("backup", 1));
	put(w, "note.txt", "not a manifest");
	start(w);
	assert_int_equal(map_count(&w->objects), 4);
	assert_int_equal(port_of(w, "Service default/c"), 3);
	assert_non_null(have(w, "Namespace /d"));
}

static void follows_changes(void **state)
{
	struct world *w = *state;

	put(w, "a.yaml", SERVICE("a", 1));
	start(w);
	put(w, "a.yaml", SERVICE("a", 2)); /* in place */
	turn(w);
	assert_int_equal(port_of(w, "Service default/a"), 2);
	put(w, "a.tmp", SERVICE("a", 3)); /* by rename */
	rename(path_of(w, "a.tmp"), path_of(w, "a.yaml"));
	turn(w);
	assert_int_equal(port_of(w, "Service default/a"), 3);
	mkdir(path_of(w, "new"), 0755);
	put(w, "new/b.yaml", SERVICE("b", 4)); /* in a new directory */
	for (int i = 0; i < 3 && have(w, "Service default/b") == NULL; i++)
		turn(w);
	assert_int_equal(port_of(w, "Service default/b"), 4);
	unlink(path_of(w, "a.yaml"));
	turn(w);
	assert_null(have(w, "Service default/a"));
	rename(path_of(w, "new"), path_of(w, ".old")); /* hidden from now on */
	turn(w);
	assert_int_equal(map_count(&w->objects), 0);
}

static void unchanged_documents_are_left_alone(void **state)
{
	struct world *w = *state;

	put(w, "a.yaml", SERVICE("a", 1) "---\n" SERVICE("b", 2));
	start(w);
	put(w, "a.yaml", "# moved\n---\n" SERVICE("a", 1) "---\n" SERVICE("b", 3));
	turn(w);
	assert_int_equal(port_of(w, "Service default/b"), 3);
	assert_int_equal(w->upserts, 3);
	assert_int_equal(w->removes, 0);
}

#define ITEM(name, port)                                                  \
	"- apiVersion: v1\n  kind: Service\n  metadata:\n    name: " name \
	"\n  spec:\n    clusterIP: 10.96.0.10\n    ports:\n"              \
	"    - port: " #port "\n"
#define LIST(items) "apiVersion: v1\nitems:\n" items "kind: List\nmetadata:\n  resourceVersion: \"\"\n"

/* A list as kubectl prints it is read item by item: one bad item does not spoil the others, one edit is one decode. */
static void list_items_are_documents(void **state)
{
	struct world *w = *state;
	struct manifest_counts counts;

	put(w, "a.yaml", LIST(ITEM("a", 1) ITEM("b", 2) ITEM("c", 3)));
	start(w);
	manifest_count(w->m, &counts);
	assert_int_equal(counts.documents, 3);
	put(w, "a.yaml", LIST(ITEM("a", 1) "# a comment\n" ITEM("b", 7) ITEM("c", 3)));
	turn(w);
	assert_int_equal(port_of(w, "Service default/b"), 7);
	assert_int_equal(w->upserts, 4);
	put(w, "a.yaml", LIST(ITEM("a", 1) ITEM("b", 99999) ITEM("c", 4)));
	turn(w);
	assert_int_equal(port_of(w, "Service default/b"), 7);
	assert_int_equal(port_of(w, "Service default/c"), 4);
	put(w, "a.yaml", LIST(ITEM("c", 4)));
	turn(w);
	assert_int_equal(map_count(&w->objects), 1);
}

#define JSON_ITEM(name, port)                                                                                         \
	"{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"" name "\"},\n\"spec\":{\"clusterIP\":" \
	"\"10.96.0.10\",\"ports\":[{\"port\":" #port "}]}}"
#define JSON_LIST(items) "{\"apiVersion\": \"v1\",\n \"items\": [" items "],\n \"kind\": \"List\"}\n"

static void json_list_items_are_documents(void **state)
{
	struct world *w = *state;
	struct manifest_counts counts = {0};
	char *text = NULL, expected[256];
	size_t bytes = 0;
	FILE *out = open_memstream(&text, &bytes);

	put(w, "a.json", JSON_LIST(JSON_ITEM("a", 1) "," JSON_ITEM("b", 2) "\n,\n" JSON_ITEM("c", 3)));
	start(w);
	manifest_count(w->m, &counts);
	assert_int_equal(counts.documents, 3);
	put(w, "a.json", JSON_LIST(JSON_ITEM("a", 1) "," JSON_ITEM("b", 7) "\n,\n" JSON_ITEM("c", 99999)));
	turn(w);
	assert_int_equal(port_of(w, "Service default/b"), 7);
	assert_int_equal(port_of(w, "Service default/c"), 3);
	assert_int_equal(w->upserts, 4);
	assert_true(manifest_check(w->dir, out, &counts));
	fclose(out);
	snprintf(expected, sizeof expected, "%s/a.json:7: Service default/c: spec.ports[0].port: ", w->dir);
	assert_non_null(strstr(text, expected));
	free(text);
}

/* Whatever is not exactly that layout is one document: same objects, no pieces. */
static void other_lists_are_one_document(void **state)
{
	static const char *const lists[] = {
		"kind: List\napiVersion: v1\nitems: [{apiVersion: v1, kind: Namespace, metadata: {name: n}}]\n",
		"kind: NamespaceList\napiVersion: v1\nitems:\n- metadata:\n    name: n\n",
		"kind: List\napiVersion: v1\nitems:\n- &a\n  apiVersion: v1\n  kind: Namespace\n  metadata: {name: "
		"n}\n- *a\n",
		"{\"kind\":\"NamespaceList\",\"apiVersion\":\"v1\",\"items\":[{\"metadata\":{\"name\":\"n\"}}]}",
		"{\"kind\":\"Namespace\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"n\"}}",
		"kind: List\napiVersion: v1\nother: 1\nitems:\n- apiVersion: v1\n  kind: Namespace\n  metadata: {name: "
		"n}\n",
		"kind: List\napiVersion: v1\nitems:\n  - apiVersion: v1\n    kind: Namespace\n    metadata: {name: "
		"n}\n",
	};
	struct world *w = *state;
	struct manifest_counts counts;

	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
		put(w, "a.yaml", lists[i]);
		if (i == 0)
			start(w);
		else
			turn(w);
		manifest_count(w->m, &counts);
		assert_int_equal(counts.documents, 1);
		assert_non_null(have(w, "Namespace /n"));
		assert_int_equal(w->removes, 0);
	}
}

static void last_good_version_stays(void **state)
{
	struct world *w = *state;

	put(w, "a.yaml", SERVICE("a", 1) "---\n" SERVICE("b", 2) "---\n" SERVICE("c", 3));
	start(w);
	put(w, "a.yaml", SERVICE("a", 7) "---\n" REFUSED("b") "---\n" SERVICE("c", 3)); /* b refused */
	turn(w);
	assert_int_equal(port_of(w, "Service default/a"), 7);
	assert_int_equal(port_of(w, "Service default/b"), 2);
	put(w, "a.yaml", SERVICE("a", 8) "---\n" REFUSED("b") "---\n" SERVICE("c", 3)); /* still */
	turn(w);
	assert_int_equal(port_of(w, "Service default/b"), 2);
	put(w, "a.yaml", SERVICE("a", 9) "---\n" BROKEN("b")); /* what b and c have become is not known */
	turn(w);
	assert_int_equal(port_of(w, "Service default/a"), 9);
	assert_int_equal(port_of(w, "Service default/b"), 2);
	assert_int_equal(port_of(w, "Service default/c"), 3);
	put(w, "a.yaml", SERVICE("a", 9) "---\n" SERVICE("b", 5)); /* readable again: c is gone */
	turn(w);
	assert_int_equal(port_of(w, "Service default/b"), 5);
	assert_null(have(w, "Service default/c"));
	put(w, "a.yaml", REFUSED("a"));
	turn(w);
	assert_int_equal(port_of(w, "Service default/a"), 9);
	unlink(path_of(w, "a.yaml"));
	turn(w);
	assert_int_equal(map_count(&w->objects), 0);
}

static void first_definition_counts(void **state)
{
	struct world *w = *state;

	put(w, "b.yaml", SERVICE("x", 2));
	put(w, "c.yaml", "---\n---\n" SERVICE("x", 3));
	start(w);
	assert_int_equal(port_of(w, "Service default/x"), 2);
	put(w, "a.yaml", SERVICE("x", 1));
	turn(w);
	assert_int_equal(port_of(w, "Service default/x"), 1);
	unlink(path_of(w, "b.yaml"));
	turn(w);
	assert_int_equal(port_of(w, "Service default/x"), 1);
	unlink(path_of(w, "a.yaml"));
	turn(w);
	assert_int_equal(port_of(w, "Service default/x"), 3);
	assert_int_equal(w->removes, 0);
}

static void config_map_volume(void **state)
{
	struct world *w = *state;

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
	unlink(path_of(w, "b.yaml"));
	turn(w);
	assert_int_equal(port_of(w, "Service default/a"), 2);
	assert_int_equal(map_count(&w->objects), 1);
}

static void root_replaced(void **state)
{
	struct world *w = *state;
	char away[128];

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
	put(w, "a.yaml", SERVICE("a", 2)); /* nobody is told */
	unlink(path_of(w, "b.yaml"));
	turn(w);
	assert_int_equal(port_of(w, "Service default/a"), 2);
	assert_null(have(w, "Service default/b"));
	put(w, "a.yaml", SERVICE("a", 3)); /* and it goes on */
	turn(w);
	assert_int_equal(port_of(w, "Service default/a"), 3);
}

/* Each gives one line and no more harm. */
static void odd_files(void **state)
{
	struct world *w = *state;
	struct manifest_counts counts;

	mkdir(path_of(w, "sub"), 0755);
	put(w, "a.yaml", SERVICE("a", 1));
	assert_int_equal(symlink("..", path_of(w, "sub/loop")), 0);
	assert_int_equal(symlink("self.yaml", path_of(w, "self.yaml")), 0);
	assert_int_equal(symlink("nowhere.yaml", path_of(w, "dangling.yaml")), 0);
	assert_int_equal(mkfifo(path_of(w, "fifo.yaml"), 0644), 0);
	mkdir(path_of(w, "dir.yaml"), 0755);
	put(w, "dir.yaml/b.yaml", SERVICE("b", 2));
	put(w, "empty.yaml", "");
	start(w);
	assert_int_equal(map_count(&w->objects), 2);
	manifest_count(w->m, &counts);
	assert_int_equal(counts.problems, 3); /* loop, self.yaml, fifo.yaml */
	unlink(path_of(w, "fifo.yaml"));
	put(w, "fifo.yaml", SERVICE("c", 3)); /* a file after all */
	turn(w);
	assert_int_equal(port_of(w, "Service default/c"), 3);
	put(w, "nowhere.yaml", SERVICE("d", 4)); /* and a link that now points somewhere is another claim */
	turn(w);
	assert_int_equal(port_of(w, "Service default/d"), 4);
}

static void check_prints_every_problem(void **state)
{
	struct world *w = *state;
	struct manifest_counts counts = {0};
	char *text = NULL;
	size_t bytes = 0;
	FILE *out = open_memstream(&text, &bytes);
	char expected[512];

	put(w, "a.yaml", SERVICE("a", 1) "---\n" REFUSED("b") "---\nx: [\n");
	assert_true(manifest_check(path_of(w, "a.yaml"), out, &counts));
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(reads_all_below, world_new, world_free),
		cmocka_unit_test_setup_teardown(follows_changes, world_new, world_free),
		cmocka_unit_test_setup_teardown(unchanged_documents_are_left_alone, world_new, world_free),
		cmocka_unit_test_setup_teardown(list_items_are_documents, world_new, world_free),
		cmocka_unit_test_setup_teardown(json_list_items_are_documents, world_new, world_free),
		cmocka_unit_test_setup_teardown(other_lists_are_one_document, world_new, world_free),
		cmocka_unit_test_setup_teardown(last_good_version_stays, world_new, world_free),
		cmocka_unit_test_setup_teardown(first_definition_counts, world_new, world_free),
		cmocka_unit_test_setup_teardown(config_map_volume, world_new, world_free),
		cmocka_unit_test_setup_teardown(root_replaced, world_new, world_free),
		cmocka_unit_test_setup_teardown(reload_reads_all_again, world_new, world_free),
		cmocka_unit_test_setup_teardown(lost_events, world_new, world_free),
		cmocka_unit_test_setup_teardown(odd_files, world_new, world_free),
		cmocka_unit_test_setup_teardown(check_prints_every_problem, world_new, world_free),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
