/* What is printed of texts from outside: no forged line, no terminal sequence, always UTF-8. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/metrics.h"
#include "base/text.h"

static const struct {
	const char *text;
	size_t length;
	const char *escaped, *json;
} rows[] = {
#define ROW(text, escaped, json)                      \
	{                                             \
		text, sizeof(text) - 1, escaped, json \
	}
	ROW("", "", ""),
	ROW("web", "web", "web"),
	ROW("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x8b", "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x8b",
	    "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x8b"),
	ROW("a\nb", "a\\nb", "a\\u000ab"),
	ROW("a\tb\rc", "a\\tb\\rc", "a\\u0009b\\u000dc"),
	ROW("\033[2J", "\\x1b[2J", "\\u001b[2J"),
	ROW("\x7f", "\\x7f", "\\u007f"),
	ROW("\xc2\x9b"
	    "31m",
	    "\\u{9b}31m", "\\u009b31m"),				 /* CSI of C1 */
	ROW("a\x9b", "a\\x9b", "a\\ufffd"),				 /* C1 as a bare byte */
	ROW("\xc0\xaf", "\\xc0\\xaf", "\\ufffd\\ufffd"),		 /* overlong */
	ROW("\xed\xa0\x80", "\\xed\\xa0\\x80", "\\ufffd\\ufffd\\ufffd"), /* surrogate */
	ROW("\xf5\x80\x80\x80", "\\xf5\\x80\\x80\\x80", "\\ufffd\\ufffd\\ufffd\\ufffd"),
	ROW("cut \xe2\x82", "cut \\xe2\\x82", "cut \\ufffd\\ufffd"),
	ROW("\xe2\x80\xae"
	    "txt",
	    "\\u{202e}txt", "\\u202etxt"), /* right-to-left override */
	ROW("\xe2\x80\xa8", "\\u{2028}", "\\u2028"),
	ROW("\"\\", "\"\\", "\\\"\\\\"),
};
#define ROWS (sizeof rows / sizeof rows[0])

static void test_escape(void **state)
{
	char out[256];

	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		struct buf b = {0};
		assert_int_equal(text_escape(out, sizeof out, rows[i].text, rows[i].length), strlen(rows[i].escaped));
		assert_string_equal(out, rows[i].escaped);
		buf_add_escaped(&b, rows[i].text, rows[i].length, false);
		assert_string_equal(b.data != NULL ? b.data : "", rows[i].escaped);
		buf_fini(&b);
	}
	assert_int_equal(text_escape(out, sizeof out, "a\0b", 3), 6);
	assert_string_equal(out, "a\\x00b");
}

static void test_cut_at_whole_characters(void **state)
{
	char out[16];

	(void)state;
	for (size_t room = 1; room < sizeof out; room++) {
		memset(out, '#', sizeof out);
		size_t n = text_escape(out, room, "\xe2\x82\xac\n\xe2\x82\xac", 7);
		assert_true(n < room && out[n] == '\0' && (room == sizeof out || out[room] == '#'));
		assert_true(n == 0 || n == 3 || n == 5 || n == 8);
	}
}

static void test_lines_may_stay(void **state)
{
	struct buf b = {0};

	(void)state;
	buf_add_escaped(&b, "one\ntwo\033\n", 9, true);
	assert_string_equal(b.data, "one\ntwo\\x1b\n");
	buf_fini(&b);
}

static void test_json(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		struct buf b = {0};
		struct json j = {.out = &b};
		char expected[256];
		json_string(&j, NULL, rows[i].text);
		snprintf(expected, sizeof expected, "\"%s\"", rows[i].json);
		assert_string_equal(b.data, expected);
		buf_fini(&b);
	}
}

static void test_distance(void **state)
{
	static const struct {
		const char *a, *b;
		size_t most, distance;
	} pairs[] = {
		{"protocol", "protocol", 3, 0},
		{"protocl", "protocol", 3, 1},
		{"protoocl", "protocol", 3, 1},
		{"prtocl", "protocol", 3, 2},
		{"ports", "port", 1, 1},
		{"", "abc", 3, 3},
		{"", "abc", 2, 3},
		{"kitten", "sitting", 5, 3},
		{"kitten", "sitting", 2, 3},
	};
	char longest[66];

	(void)state;
	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
		assert_int_equal(text_distance(pairs[i].a, pairs[i].b, pairs[i].most), pairs[i].distance);
		assert_int_equal(text_distance(pairs[i].b, pairs[i].a, pairs[i].most), pairs[i].distance);
	}
	memset(longest, 'a', sizeof longest);
	longest[65] = '\0';
	assert_int_equal(text_distance(longest, longest, 4), 5);
	assert_int_equal(text_distance(longest + 1, longest + 1, 4), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_escape),	       cmocka_unit_test(test_cut_at_whole_characters),
		cmocka_unit_test(test_lines_may_stay), cmocka_unit_test(test_json),
		cmocka_unit_test(test_distance),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
