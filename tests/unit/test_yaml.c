/* YAML and JSON text to value trees: scalars as kubectl reads them, where documents end, aliases, errors with lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/yaml_world.h"

static const struct {
	const char *text;
	enum value_type type;
	int64_t integer;
} scalar_rows[] = {
	{"1", VALUE_NUMBER, 1},
	{"-5", VALUE_NUMBER, -5},
	{"+7", VALUE_NUMBER, 7},
	{"0", VALUE_NUMBER, 0},
	{"010", VALUE_NUMBER, 8},
	{"0o17", VALUE_NUMBER, 15},
	{"0x1F", VALUE_NUMBER, 31},
	{"1e3", VALUE_NUMBER, 1000},
	{"80.0", VALUE_NUMBER, 80},
	{"089", VALUE_NUMBER, 89},
	{"9223372036854775807", VALUE_NUMBER, INT64_MAX},
	{"1.2.3.4", VALUE_STRING, 0},
	{"1_000", VALUE_NUMBER, 1000},
	{"0b101", VALUE_NUMBER, 5},
	{"-0b1", VALUE_NUMBER, -1},
	{"!!int 080", VALUE_NUMBER, 80},
	{"!!int '80'", VALUE_NUMBER, 80},
	{"!!bool 'yes'", VALUE_BOOL, 0},
	{"!own 80", VALUE_STRING, 0},
	{"0b0x1", VALUE_STRING, 0},
	{"0b-1", VALUE_STRING, 0},
	{"--1", VALUE_STRING, 0},
	{"1.2e", VALUE_STRING, 0},
	{"1-2", VALUE_STRING, 0},
	{"0x", VALUE_STRING, 0},
	{"::1", VALUE_STRING, 0},
	{"yes", VALUE_STRING, 0},
	{"on", VALUE_STRING, 0},
	{"n", VALUE_STRING, 0},
	{"2026-01-01", VALUE_STRING, 0},
	{"'1'", VALUE_STRING, 0},
	{"\"true\"", VALUE_STRING, 0},
	{"!!str 1", VALUE_STRING, 0},
	{"nullx", VALUE_STRING, 0},
	{"", VALUE_NULL, 0},
	{"~", VALUE_NULL, 0},
	{"null", VALUE_NULL, 0},
	{"true", VALUE_BOOL, 0},
	{"False", VALUE_BOOL, 0},
};

static void scalars(void **state)
{
	for (size_t i = 0; i < sizeof scalar_rows / sizeof scalar_rows[0]; i++) {
		const struct value *v;
		char text[64];

		snprintf(text, sizeof text, "k: %s\n", scalar_rows[i].text);
		v = parse(*state, text)->first;
		assert_string_equal(v->key, "k");
		assert_int_equal(v->type, scalar_rows[i].type);
		if (v->type == VALUE_NUMBER) {
			assert_true(v->whole);
			assert_true(v->integer == scalar_rows[i].integer);
		}
	}
}

static void scalar_values(void **state)
{
	struct world *w = *state;

	assert_false(parse(w, "1.5")->whole);
	assert_false(parse(w, "1e300")->whole);
	assert_true(parse(w, "True")->boolean);
	assert_string_equal(parse(w, "a: |\n  x\n  y\n")->first->text, "x\ny\n");
	assert_string_equal(parse(w, "80: a")->first->key, "80"); /* keys are texts */
	assert_null(value_get(parse(w, "a: ~"), "a"));
	assert_null(value_get(NULL, "a"));
	assert_string_equal(parse(w, "\xef\xbb\xbf"
				     "a: \xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\n")
				    ->first->text,
			    "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"); /* with a byte order mark in front */
}

static void texts(void **state)
{
	struct world *w = *state;

	assert_string_equal(parse(w, "a: x  # c\n")->first->text, "x");
	assert_string_equal(parse(w, "a: x\n  y\n")->first->text, "x y"); /* one text over two lines */
	assert_string_equal(parse(w, "a: 'it''s'\n")->first->text, "it's");
	assert_string_equal(parse(w, "a: ' b '\n")->first->text, " b ");
	assert_string_equal(parse(w, "a: \"x\\ty \\\"z\\\"\"\n")->first->text, "x\ty \"z\"");
	assert_string_equal(parse(w, "{a: x , b: y}")->first->text, "x");
	assert_string_equal(parse(w, "a: ''\n")->first->text, "");
}

static void lines(void **state)
{
	const struct value *v = parse(*state, "# c\na: 1\nb:\n- x\n-\n  c: 2\n");
	const struct value *list = value_get(v, "b");

	assert_int_equal(v->line, 2);
	assert_int_equal(list->line, 4);
	assert_int_equal(list->count, 2);
	assert_int_equal(value_get(list->first->next, "c")->line, 6);
	/* What is not there stands where its key does. */
	v = parse(*state, "a:\n\n\nb: 1\n? c");
	assert_int_equal(v->first->line, 1);
	assert_int_equal(v->first->next->next->line, 5);
}

static void errors(void **state)
{
	struct world *w = *state;

	assert_error(w, "a: 1\nb: 2\na: 3\n", 13, "key \"a\" is there twice");
	assert_error(w, "a: *x\n", 11, "alias *x: no such anchor");
	assert_error(w, "a: &x [1, *x]\n", 11, "alias *x: inside of its own anchor");
	assert_error(w, "a: \"x\\0y\"\n", 11, "NUL character in a text");
	assert_error(w, "? [a]\n: b\n", 11, "a list cannot be a key");
	assert_error(w, "<<: 1\na: 2\n", 11, "merge key <<: a map is expected, not a number");
	assert_error(w, "a: 1\nb: \xc0\xaf\n", 12, "invalid length of a UTF-8 sequence: byte 0xc0"); /* overlong */
	assert_error(w, "\n\xed\xa0\x80", 12, "invalid Unicode character: byte 0xed");		     /* a surrogate */
	assert_error(w, "a: \xf0\x9f\x98", 11, "incomplete UTF-8 octet sequence: byte 0xf0");
	assert_error(w, "a: \x01\n", 11, "control characters are not allowed: byte 0x01");
	assert_error(w, "%YAML 3.0\n---\na: 1\n", 11, "found incompatible YAML document");
	assert_error(w, "a:\n\tb: 1\n", 12,
		     "found character that cannot start any token while scanning for the next token");
	assert_error(w, "a: [1, 2\nb: 3\n", 12, "did not find expected ',' or ']' while parsing a flow sequence");
	assert_error(w, "a: !!int x\n", 11, "\"x\" is not of type !!int");
	assert_error(w, "~: 1\n", 11, "null cannot be a key");
	assert_error(w, "{\"a\": \"x\",\n\"b\": {\"c\": 1, \"c\": 2}}", 12, "key \"c\" is there twice"); /* JSON */
	assert_error(w, "{\"a\": \"\\u0000\"}", 11, "NUL character in a text");
}

static void aliases(void **state)
{
	const struct value *v = parse(*state, "base: &b {x: 1, w: 2}\n"
					      "copy: *b\n"
					      "over:\n  <<: *b\n  w: 3\n"
					      "more:\n  <<: [{w: 9, z: 8}, *b]\n");

	assert_int_equal(value_get(value_get(v, "copy"), "w")->integer, 2);
	assert_int_equal(value_get(value_get(v, "over"), "x")->integer, 1);
	assert_int_equal(value_get(value_get(v, "over"), "w")->integer, 3);
	assert_int_equal(value_get(value_get(v, "more"), "w")->integer, 9);
	assert_int_equal(value_get(value_get(v, "more"), "x")->integer, 1);
	assert_int_equal(value_get(v, "more")->count, 3);
}

/* "Billion laughs": ten lists of ten aliases each. */
static void alias_bomb(void **state)
{
	struct buf text = {0};

	buf_puts(&text, "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
	for (int i = 1; i < 10; i++) {
		buf_printf(&text, "a%d: &a%d [", i, i);
		for (int j = 0; j < 10; j++)
			buf_printf(&text, "%s*a%d", j != 0 ? "," : "", i - 1);
		buf_puts(&text, "]\n");
	}
	assert_error(*state, text.data, 15, "aliases expand to more than 100000 values");
	buf_fini(&text);
}

static void depth(void **state)
{
	char text[2 * VALUE_DEPTH_MAX + 8];
	struct world *w = *state;
	size_t at;

	memset(text, '[', VALUE_DEPTH_MAX);
	memset(text + VALUE_DEPTH_MAX, ']', VALUE_DEPTH_MAX);
	text[2 * VALUE_DEPTH_MAX] = '\0';
	assert_non_null(parse(w, text));
	assert_non_null(json_parse(text, strlen(text), w->arena, &at));
	memset(text, '[', VALUE_DEPTH_MAX + 1);
	memset(text + VALUE_DEPTH_MAX + 1, ']', VALUE_DEPTH_MAX + 1);
	text[2 * VALUE_DEPTH_MAX + 2] = '\0';
	assert_null(json_parse(text, strlen(text), w->arena, &at));
	struct yaml_chunk chunk = {.text = text, .length_bytes = strlen(text), .line = 1};
	const struct value *v;
	assert_false(yaml_parse(w->parser, &chunk, w->arena, &v, &w->error));
}

/* Documents as "LINE:BYTES " of each. */
static void assert_documents(const char *text, const char *expected)
{
	struct buf got = {0};
	struct yaml_chunk chunk;
	size_t at = 0;
	uint32_t line = 1;

	buf_puts(&got, "");
	while (yaml_next_document(text, strlen(text), &at, &line, &chunk))
		buf_printf(&got, "%u:%zu ", chunk.line, chunk.length_bytes);
	assert_int_equal(at, strlen(text));
	assert_string_equal(got.data, expected);
	buf_fini(&got);
}

static void documents(void **state)
{
	struct world *w = *state;
	const char *block = "a: |\n  x\n--- y\n";

	assert_documents("", "");
	assert_documents("a: 1\n", "1:5 ");
	assert_documents("a: 1\n---\nb: 2", "1:5 2:8 ");
	assert_documents("---\na: 1\n---\nb: 2\n", "1:9 3:9 ");
	assert_documents("# c\n\n---\na: 1\n", "1:14 ");     /* a comment belongs to what follows */
	assert_documents("%YAML 1.2\n---\na: 1\n", "1:19 "); /* so do directives */
	assert_documents("a: 1\n...\n%YAML 1.2\n---\nb: 2\n", "1:9 3:19 ");
	assert_documents("a: |\n  ---\n ...\n----\n--- x\n", "1:21 5:6 "); /* only a marker is a marker */
	assert_documents("a: 1\r\n---\r\nb: 2\r\n", "1:6 2:11 ");
	assert_documents("a: 1\n---\tb\n", "1:5 2:6 ");
	assert_documents("{\n}\n", "1:4 ");
	/* libyaml agrees that a marker at the line's start ends a block scalar: both halves are documents. */
	assert_documents(block, "1:9 3:6 ");
	struct yaml_chunk first = {block, 9, 1, false}, second = {block + 9, 6, 3, false};
	const struct value *v;
	assert_true(yaml_parse(w->parser, &first, w->arena, &v, &w->error));
	assert_string_equal(value_get(v, "a")->text, "x\n");
	assert_true(yaml_parse(w->parser, &second, w->arena, &v, &w->error));
	assert_string_equal(v->text, "y");
	assert_int_equal(v->line, 3);
}

/* Each lost what follows it, or was read from memory not set, with libfyaml 0.7.12. */
static void empty_block_scalars(void **state)
{
	const struct value *v = parse(*state, "m:\n  a: |\n  b: >-\n  c: x\nlast: |\n");

	assert_string_equal(value_get(value_get(v, "m"), "a")->text, "");
	assert_string_equal(value_get(value_get(v, "m"), "b")->text, "");
	assert_string_equal(value_get(value_get(v, "m"), "c")->text, "x");
	assert_string_equal(value_get(v, "last")->text, "");
}

/* As sigs.k8s.io/yaml writes them. */
static void keys(void **state)
{
	const struct value *v = parse(*state, "True: 1\n0x10: 2\n'y': 3\n\"<<\": 4\n1.5: 5\n");

	assert_int_equal(value_get(v, "true")->integer, 1);
	assert_int_equal(value_get(v, "16")->integer, 2);
	assert_int_equal(value_get(v, "y")->integer, 3);
	assert_int_equal(value_get(v, "<<")->integer, 4);
	assert_int_equal(value_get(v, "1.5")->integer, 5);
}

/* Anchors, aliases, merges and entries by the ten thousand: each was quadratic. */
static void many(void **state)
{
	struct world *w = *state;
	struct buf text = {0};
	const struct value *v;

	for (int i = 0; i < 20000; i++)
		buf_printf(&text, "k%d: &a%d {x%d: 1}\n", i, i, i);
	buf_puts(&text, "list: [");
	for (int i = 0; i < 20000; i++)
		buf_printf(&text, "*a%d, ", i);
	buf_puts(&text, "]\nall:\n  <<: [");
	for (int i = 0; i < 5000; i++)
		buf_printf(&text, "*a%d, ", i);
	buf_puts(&text, "]\n");
	v = parse(w, text.data);
	assert_int_equal(value_get(v, "list")->count, 20000);
	assert_int_equal(value_get(v, "all")->count, 5000);
	buf_clear(&text);
	buf_puts(&text, "a: [");
	for (int i = 0; i < YAML_VALUES_MIN; i++)
		buf_puts(&text, "x,");
	buf_puts(&text, "]\n");
	assert_error(w, text.data, 11, "more than 200000 values in one document");
	for (int i = 0; i < 1000000; i++) /* a longer text may have more */
		buf_puts(&text, "# comment\n");
	assert_int_equal(value_get(parse(w, text.data), "a")->count, YAML_VALUES_MIN);
	buf_fini(&text);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, world_new, world_free)
	const struct CMUnitTest tests[] = {
		TEST(scalars), TEST(scalar_values), TEST(texts), TEST(lines),	  TEST(errors),
		TEST(aliases), TEST(alias_bomb),    TEST(depth), TEST(documents), TEST(empty_block_scalars),
		TEST(keys),    TEST(many),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
