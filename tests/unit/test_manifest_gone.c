/* Objects that go by a mistake: told with their names; and documents of other kinds, which hold nothing back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "tests/unit/manifest_world.h"
#include "tests/unit/stderrlines.h"

/* What is unreadable holds its file's objects, unless its text shows a kind of another program, in any layout. */
#define JSON_OTHER(kind) "{\"apiVersion\": \"apps/v1\", \"kind\": \"" kind "\", \"spec\": {\"a\" 1}}\n"
#define ITEM(version, kind) "- apiVersion: " version "\n  kind: " kind "\n"
#define LIST(items) "apiVersion: v1\nitems:\n" items "kind: List\n"

static void unknown_kinds_are_seen_in_any_layout(void **state)
{
	static const char *const held[] = {
		JSON_OTHER("Service"),
		JSON_OTHER("List"),
		"{\"kind\": \"Job\", \"spec\": {{\n\"kind\": \"Service\"}\n", /* a lost brace */
		"{\"kind\": \"Job\", \"kind\": \"Job\", 1}\n",
		"{\"spec\": {\"kind\": \"Job\"}, 1}\n",
		LIST(ITEM("apps/v1",
			  "Deployment\n  spec: {{ x }")), /* the list as a whole: what else it has is not known */
		LIST(ITEM("v1", "Service\n  spec: @x")),
		LIST(ITEM("apps/v1", "Servcie\n  x: @x\n  apiVersion: v1")),
		"apiVersion: v1\nkind: Servce\nspec: {{ x }\n",
		"apiVersion: v1beta1\nkind: Service\nspec: {{ x }\n",
	};
	static const char *const dropped[] = {
		JSON_OTHER("Deployment"),
		"[1\n---\n" JSON_OTHER("Job"), /* of which the first holds */
		LIST(ITEM("apps/v1", "Deployment\n  spec: @x") ITEM("v1", "Secret")),
		LIST("- kind: \"Job\"\n  spec: @x\n"),
		"apiVersion: serving.knative.dev/v1\nkind: Service\nspec: {{ x }\n",
		"apiVersion: apps/v1\n'kind': 'Deployment'\nspec: [\n",
	};
	struct world *w = *state;

	put(w, "a.yaml", SERVICE("a", 1));
	start(w);
	for (size_t i = 0; i < sizeof held / sizeof held[0]; i++) {
		put(w, "a.yaml", held[i]);
		turn(w);
		assert_non_null(have(w, "Service default/a"));
	}
	for (size_t i = 0; i < sizeof dropped / sizeof dropped[0]; i++) {
		put(w, "a.yaml", SERVICE("a", 1));
		turn(w);
		put(w, "a.yaml", dropped[i]);
		turn(w);
		assert_int_equal(have(w, "Service default/a") != NULL, i == 1);
	}
}

/* ---- what goes is told ---- */

/* Writes a file in one turn with another; the warnings are these, behind the path of the folder. */
static void put_says(struct world *w, const char *name, const char *text, const char *expected)
{
	struct stderr_lines log = stderr_lines_begin();
	char said[4096], *at = said;
	struct buf warnings = {0};

	put(w, name, text);
	turn(w);
	stderr_lines_end_with(&log, said, sizeof said);
	buf_puts(&warnings, "");
	while ((at = strstr(at, "warning: ")) != NULL) {
		const char *end = strchr(at, '\n');
		at = strstr(at, "/m/") + strlen("/m/");
		buf_printf(&warnings, "%.*s\n", (int)(end - at), at);
	}
	assert_string_equal(warnings.data, expected);
	buf_fini(&warnings);
}

static void an_emptied_file(void **state)
{
	static const char *const empty[] = {
		"",
		"# all gone\n",
		"---\n...\n",
		"apiVersion: v1\nkind: List\nitems: []\n",
		"{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": []}",
		"apiVersion: apps/v1\nkind: ReplicaSet\n",
	};
	struct world *w = *state;

	put(w, "b.yaml", SERVICE("b", 1));
	start(w);
	for (size_t i = 0; i < sizeof empty / sizeof empty[0]; i++) {
		put_says(w, "a.yaml", SERVICE("a", 1) "---\n" SERVICE("c", 2), "");
		put_says(w, "a.yaml", empty[i],
			 "a.yaml: defines nothing any more, removed: Service default/a, Service default/c\n");
		assert_null(have(w, "Service default/a"));
		put_says(w, "a.yaml", "# still\n", "");
	}
	assert_non_null(have(w, "Service default/b"));
}

static void many_names_are_counted(void **state)
{
	struct world *w = *state;
	struct buf text = {0};

	for (unsigned i = 0; i < 9; i++)
		buf_printf(&text, "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: n%u}\n", i);
	put(w, "a.yaml", text.data);
	start(w);
	put_says(w, "a.yaml", "",
		 "a.yaml: defines nothing any more, removed: Namespace n0, Namespace n1, Namespace n2, Namespace n3 "
		 "and 5 more\n");
	buf_fini(&text);
}

static void one_that_is_defined_twice(void **state)
{
	struct world *w = *state;

	put(w, "a.yaml", SERVICE("a", 1) "---\n" SERVICE("a", 2));
	put(w, "b.yaml", SERVICE("a", 3));
	start(w);
	put_says(w, "a.yaml", "", "");
	assert_non_null(have(w, "Service default/a"));
	put_says(w, "b.yaml", "", "b.yaml: defines nothing any more, removed: Service default/a\n");
	/* Both at once: the one that is read last says so. */
	put_says(w, "a.yaml", SERVICE("a", 1), "");
	put(w, "b.yaml", SERVICE("a", 1));
	turn(w);
	put(w, "a.yaml", "");
	put(w, "b.yaml", "");
	struct stderr_lines log = stderr_lines_begin();
	char said[4096];
	turn(w);
	stderr_lines_end_with(&log, said, sizeof said);
	const char *told = strstr(said, "removed: Service default/a\n");
	assert_non_null(told);
	assert_null(strstr(told + 1, "removed: "));
	assert_null(strstr(said, "(null)"));
}

/* Moved to another file, or defined there all the time: nothing went away. Removed with its file: as it should. */
static void what_is_elsewhere_did_not_go(void **state)
{
	struct world *w = *state;

	put(w, "a.yaml", SERVICE("a", 1));
	put(w, "c.yaml", SERVICE("c", 1));
	start(w);
	put(w, "b.yaml", SERVICE("a", 1));
	put_says(w, "a.yaml", "", "");
	assert_non_null(have(w, "Service default/a"));
	unlink(path_of(w, "c.yaml"));
	put_says(w, "d.yaml", SERVICE("d", 1), "");
	assert_null(have(w, "Service default/c"));
	put_says(w, "d.yaml", SERVICE("e", 1), ""); /* renamed */
	put_says(w, "d.yaml", SERVICE("e", 1) "---\n" SERVICE("f", 1), "");
	put_says(w, "d.yaml", SERVICE("e", 1), ""); /* one of several is deleted */
}

#define OF(version, kind, name)                                                 \
	"apiVersion: " version "\nkind: " kind "\nmetadata: {name: " name "}\n" \
	"spec: {clusterIP: 10.96.0.10, ports: [{port: 1}]}\n"
#define GONE "a.yaml: removed with their kind or version: Service default/a\n"
#define EMPTY "a.yaml: defines nothing any more, removed: Service default/a\n"

static void a_mistyped_kind_or_version(void **state)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
		{OF("v1", "Servce", "a"), "a.yaml:1: Servce a: unknown kind, not read; did you mean Service?\n" EMPTY},
		{SERVICE("b", 1) "---\n" OF("v1", "service", "a"),
		 "a.yaml:6: service a: unknown kind, not read; did you mean Service?\n" GONE},
		{SERVICE("b", 1) "---\n" OF("v2", "Service", "a"),
		 "a.yaml:6: Service a: \"v2\" is not read; did you mean v1?\n" GONE},
		{SERVICE("b", 1) "---\n" OF("discovery.k8s.io/v1", "Service", "a"),
		 "a.yaml:6: Service a: \"discovery.k8s.io/v1\" is not read; did you mean v1?\n" GONE},
		{SERVICE("b", 1) "---\n" OF("v1", "Whatever", "a"), GONE},   /* no idea what was meant, but it went */
		{SERVICE("b", 1) "---\n" OF("v1", "Whatever", "other"), ""}, /* deleted, beside another program's */
		{"{\"apiVersion\":\"v1\",\"kind\":\"Servic\",\"metadata\":{\"name\":\"a\"}}\n",
		 "a.yaml:1: Servic a: unknown kind, not read; did you mean Service?\n" EMPTY},
		{LIST(ITEM("v1", "Services\n  metadata: {name: a}")),
		 "a.yaml:3: Services a: unknown kind, not read; did you mean Service?\n" EMPTY},
	};
	struct world *w = *state;

	put(w, "a.yaml", SERVICE("a", 1));
	start(w);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		put(w, "a.yaml", SERVICE("a", 1));
		if (i != 0)
			turn(w);
		put_says(w, "a.yaml", rows[i].text, rows[i].says);
		assert_null(have(w, "Service default/a"));
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_new, world_free)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(unknown_kinds_are_seen_in_any_layout),
		TEST(an_emptied_file),
		TEST(many_names_are_counted),
		TEST(one_that_is_defined_twice),
		TEST(what_is_elsewhere_did_not_go),
		TEST(a_mistyped_kind_or_version),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
