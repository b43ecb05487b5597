/* The manifest directory as the sink sees it: real files, real inotify, every kind of change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/manifest_world.h"

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

/* Whichever of the two names is looked at first; nothing is told, for nothing has changed. */
static void directory_renamed(void **state)
{
	struct world *w = *state;

	mkdir(path_of(w, "one"), 0755);
	put(w, "one/a.yaml", SERVICE("a", 1));
	start(w);
	for (int i = 0; i < 8; i++) {
		char from[16], to[16];
		snprintf(from, sizeof from, i == 0 ? "one" : "dir%d", i - 1);
		snprintf(to, sizeof to, "dir%d", i);
		assert_int_equal(rename(path_of(w, from), path_of(w, to)), 0);
		turn(w);
		assert_int_equal(port_of(w, "Service default/a"), 1);
		assert_int_equal(w->upserts + w->removes, 1);
	}
	put(w, "dir7/a.yaml", SERVICE("a", 2)); /* and it is followed there */
	turn(w);
	assert_int_equal(port_of(w, "Service default/a"), 2);
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
	assert_true(check_print(w->dir, out, &counts));
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

#define JSON(name) "{\"kind\": \"Namespace\", \"apiVersion\": \"v1\",\n\"metadata\": {\"name\": \"" name "\"}}"

/* As kubectl's stream decoder takes them. */
static void json_objects(void **state)
{
	struct world *w = *state;
	struct manifest_counts counts;

	put(w, "a.json",
	    JSON("a") "\n" JSON("b") JSON("c") "\n---\n" JSON(
		    "d") "\n---\nkind: Namespace\napiVersion: v1\n"
			 "metadata: {name: e}\n---\n{kind: Namespace, apiVersion: v1, metadata: {name: f}}\n");
	start(w);
	manifest_count(w->m, &counts);
	assert_int_equal(counts.documents, 6);
	assert_int_equal(counts.refused, 0);
	assert_non_null(have(w, "Namespace /a"));
	assert_non_null(have(w, "Namespace /b"));
	assert_non_null(have(w, "Namespace /c"));
	assert_non_null(have(w, "Namespace /d"));
	assert_non_null(have(w, "Namespace /e"));
	assert_non_null(have(w, "Namespace /f"));
	put(w, "b.json", JSON("g") JSON("h") "\nkind: Namespace\napiVersion: v1\nmetadata: {name: i}\n");
	put(w, "c.yaml", JSON("j") " # of which there is one\n");
	turn(w);
	assert_non_null(have(w, "Namespace /h"));
	assert_non_null(have(w, "Namespace /i")); /* YAML without a separator */
	assert_non_null(have(w, "Namespace /j"));
	put(w, "a.json", JSON("a") "\n" JSON("c") "\n{\"kind\": \n"); /* cut off: nothing of it goes */
	turn(w);
	assert_int_equal(w->removes, 0);
}

/* YAML in braces is no JSON: its quotes and comments may hold a brace. */
static void yaml_in_braces(void **state)
{
	static const char *const texts[] = {
		"{apiVersion: v1, kind: Namespace, metadata: {name: a, annotations: {n: 'x } y'}}}\n",
		"{apiVersion: v1, kind: Namespace, # a } brace\n metadata: {name: a}}\n",
		"{apiVersion: v1, kind: Namespace, metadata: {name: a, annotations: {n: 'x} {y'}}}\n",
		JSON("b") "\n{apiVersion: v1, kind: Namespace, metadata: {name: a, annotations: {n: 'x } y'}}}\n",
		"{apiVersion: v1, kind: Namespace, metadata: {name: a, annotations: {n: b\", m: \"}}} {\", o: c\"}}}\n",
	};
	struct world *w = *state;
	struct manifest_counts counts;

	start(w);
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		put(w, "a.yaml", texts[i]);
		turn(w);
		manifest_count(w->m, &counts);
		assert_int_equal(counts.refused, 0);
		assert_non_null(have(w, "Namespace /a"));
		put(w, "a.yaml", "# none\n");
		turn(w);
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

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, world_new, world_free)
	const struct CMUnitTest tests[] = {
		TEST(reads_all_below),
		TEST(follows_changes),
		TEST(directory_renamed),
		TEST(unchanged_documents_are_left_alone),
		TEST(list_items_are_documents),
		TEST(json_list_items_are_documents),
		TEST(other_lists_are_one_document),
		TEST(json_objects),
		TEST(yaml_in_braces),
		TEST(last_good_version_stays),
		TEST(first_definition_counts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
