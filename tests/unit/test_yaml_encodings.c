/* Encodings of YAML text, and JSON read as YAML. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/yaml_world.h"

static void assert_utf8(const char *text, size_t n, const char *expected)
{
	char *copy = mem_alloc(n + 1);

	memcpy(copy, text, n);
	copy = text_to_utf8(copy, &n);
	assert_int_equal(n, strlen(expected));
	assert_memory_equal(copy, expected, n);
	free(copy);
}

static void encodings(void **state)
{
	static const char little[] = "\xff\xfe"
				     "a\0:\0 \0\xe9\0\xac\x20\x3d\xd8\x00\xde\n";
	static const char big[] = "\xfe\xff"
				  "\0a\0:\0 \0\xe9\x20\xac\xd8\x3d\xde\x00\0\n\xd8\0";

	(void)state;
	assert_utf8(little, sizeof little, "a: \xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\n");
	assert_utf8(big, sizeof big - 1, "a: \xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\n\xef\xbf\xbd");
	assert_utf8("\xef\xbb\xbf---\n\xef\xbb\xbf"
		    "a: \xef\xbb\xbf\n",
		    17, "---\na: \xef\xbb\xbf\n");
	assert_utf8("a: \xe9\xe9 \xc3\xa9 \xf0\x9f\n# \xff\n", 16,
		    "a: \xef\xbf\xbd\xef\xbf\xbd \xc3\xa9 \xef\xbf\xbd\xef\xbf\xbd\n# \xef\xbf\xbd\n"); /* Latin-1 */
	assert_utf8("\xef\xbb\xbf", 3, "");
	assert_utf8("", 0, "");
}

/* JSON files go through the YAML door, for their lines. */
static void json_as_yaml(void **state)
{
	const struct value *v =
		parse(*state, "{\n\t\"a\": \"x\\/y\\u00e9\",\n\t\"b\": [1, -2.5e1, true, null],\n\t\"c\": "
			      "{\"d\": \"\\ud83d\\ude00\"}\n}\n");

	assert_string_equal(value_get(v, "a")->text, "x/y\xc3\xa9");
	assert_int_equal(value_get(v, "b")->first->next->integer, -25);
	assert_int_equal(value_get(v, "b")->line, 3);
	assert_string_equal(value_get(value_get(v, "c"), "d")->text, "\xf0\x9f\x98\x80");
}

/* What Go's encoding/json does not take, kubectl reads as YAML, where some of it means something else. */
static void lax_json_is_yaml(void **state)
{
	struct world *w = *state;

	assert_int_equal(value_get(parse(w, "{\"a\": 10}"), "a")->integer, 10);
	assert_int_equal(value_get(parse(w, "{\"a\": 010}"), "a")->integer, 8);
	assert_int_equal(value_get(parse(w, "{\"a\": 080}"), "a")->integer, 80);
	assert_int_equal(value_get(parse(w, "{\"a\": -0}"), "a")->integer, 0);
	assert_int_equal(value_get(parse(w, "{\"a\": 1.}"), "a")->integer, 1);
	assert_int_equal(value_get(parse(w, "{\"a\": 2.5e1}"), "a")->integer, 25);
	assert_string_equal(value_get(parse(w, "{\"a\": \"x\ty\"}"), "a")->text, "x\ty");
	assert_string_equal(value_get(parse(w, "{\"a\": \"x\ny\"}"), "a")->text, "x y");
	assert_string_equal(value_get(parse(w, "{\"a\": \"x\\u0009y\"}"), "a")->text, "x\ty");
	assert_error(w, "{\"a\": \"x\001y\"}", 11, "control characters are not allowed: byte 0x01");
	assert_error(w, "{\001\"a\": 1}", 11, "control characters are not allowed: byte 0x01");
	assert_error(w, "{\"a\": 1,}x", 11, "did not find expected <document start>");
	assert_int_equal(value_get(parse(w, "{\"a\": 1,}"), "a")->integer, 1); /* YAML's flow style allows it */
}

static void json(void **state)
{
	struct world *w = *state;
	const char *text = " {\"a\": [1, 1.5, \"s\", true, false, null, {}], \"n\": 12345678901} \n";
	size_t at;
	const struct value *v = json_parse(text, strlen(text), w->arena, &at), *c;

	assert_non_null(v);
	c = value_get(v, "a")->first;
	assert_true(c->whole && c->integer == 1);
	c = c->next;
	assert_true(c->type == VALUE_NUMBER && !c->whole);
	c = c->next;
	assert_true(c->type == VALUE_STRING && strcmp(c->text, "s") == 0 && !c->plain);
	c = c->next;
	assert_true(c->type == VALUE_BOOL && c->boolean && !c->next->boolean);
	assert_int_equal(c->next->next->type, VALUE_NULL);
	assert_int_equal(c->next->next->next->type, VALUE_MAP);
	assert_true(value_get(v, "n")->integer == 12345678901);
	assert_null(json_parse("{\"a\": }", 7, w->arena, &at));
	assert_int_equal(at, 6);
	assert_null(json_parse("{} x", 4, w->arena, &at));
	assert_int_equal(at, 3);
	assert_null(json_parse("", 0, w->arena, &at));
	assert_null(json_parse("{\"a\"", 4, w->arena, &at)); /* not beyond its length */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(encodings, world_new, world_free),
		cmocka_unit_test_setup_teardown(json_as_yaml, world_new, world_free),
		cmocka_unit_test_setup_teardown(lax_json_is_yaml, world_new, world_free),
		cmocka_unit_test_setup_teardown(json, world_new, world_free),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
