/* Domain names in wire form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dns/wire/name.h"

static void parse_and_format(void **state)
{
	static const char *const good[][2] = {{"", "."},
					      {".", "."},
					      {"a", "a."},
					      {"Web.Default.", "web.default."},
					      {"_http._tcp.x", "_http._tcp.x."}};
	static const char *const bad[] = {"..", "a..b", ".a"};
	struct name n;
	char text[NAME_TEXT_BYTES], label[NAME_LABEL_BYTES + 3];

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		assert_true(name_parse(&n, good[i][0]));
		assert_string_equal(name_format(n.wire, text), good[i][1]);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(name_parse(&n, bad[i]));
	memset(label, 'x', sizeof label);
	label[NAME_LABEL_BYTES + 1] = '\0';
	assert_false(name_parse(&n, label));
	label[NAME_LABEL_BYTES] = '\0';
	assert_true(name_parse(&n, label));
}

static void format_escapes(void **state)
{
	static const uint8_t wire[] = "\5a.b\\ \2\0\377";
	char text[NAME_TEXT_BYTES];

	(void)state;
	assert_string_equal(name_format(wire, text), "a\\.b\\\\\\032.\\000\\255.");
}

static void read_from_message(void **state)
{
	static const uint8_t message[] = "xx\3WWW\7Example\0rest";
	struct name n;
	size_t at = 2;

	(void)state;
	assert_true(name_read(&n, message, sizeof message, &at));
	assert_int_equal(at, 15);
	assert_int_equal(n.length, 13);
	assert_int_equal(n.labels, 2);
	assert_memory_equal(n.wire, "\3www\7example", 13);
	assert_int_equal(n.label_at[1], 4);
	assert_int_equal(n.label_at[2], 12);
	assert_true(name_label_is(&n, 1, "example"));
	assert_false(name_label_is(&n, 1, "exampl"));
	for (size_t cut = 2; cut < 15; cut++) {
		at = 2;
		assert_false(name_read(&n, message, cut, &at));
	}
	at = 2;
	assert_false(name_read(&n, (const uint8_t *)"xx\300\0", 4, &at));
}

static void longest(void **state)
{
	uint8_t wire[300] = {0};
	struct name n;
	size_t at = 0;

	(void)state;
	for (unsigned i = 0; i < 127; i++) { /* 127 labels of one byte and the root: 255 */
		wire[2 * i] = 1;
		wire[2 * i + 1] = 'A';
	}
	assert_true(name_read(&n, wire, sizeof wire, &at));
	assert_int_equal(n.length, NAME_BYTES);
	assert_int_equal(n.labels, NAME_LABELS);
	wire[0] = 2; /* one byte more */
	memmove(wire + 3, wire + 2, 253);
	at = 0;
	assert_false(name_read(&n, wire, sizeof wire, &at));
}

static void suffixes(void **state)
{
	struct name n, suffix;

	(void)state;
	assert_true(name_parse(&suffix, "cluster.local"));
	assert_true(name_parse(&n, "a.Cluster.LOCAL"));
	assert_true(name_ends_with(&n, &suffix));
	assert_true(name_ends_with(&suffix, &suffix));
	assert_true(name_parse(&n, "acluster.local"));
	assert_false(name_ends_with(&n, &suffix));
	assert_true(name_parse(&n, "local"));
	assert_false(name_ends_with(&n, &suffix));
	/* The bytes fit, the labels do not. */
	static const uint8_t inside[] = "\17a\7cluster\5local";
	size_t at = 0;
	assert_true(name_read(&n, inside, sizeof inside, &at));
	assert_false(name_ends_with(&n, &suffix));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse_and_format),  cmocka_unit_test(format_escapes),
		cmocka_unit_test(read_from_message), cmocka_unit_test(longest),
		cmocka_unit_test(suffixes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
