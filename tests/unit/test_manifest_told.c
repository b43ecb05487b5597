/* Lines in the log for the problems of a file: the first ones, then one for each kind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/stderrlines.h"
#include "watch/manifest/manifest_told.h"

static bool note(struct told *t, const char *path, const char *field, const char *reason)
{
	return told_note(
		t, path,
		&(struct decode_problem){.kind = "Service", .ns = "a", .name = "b", .field = field, .reason = reason});
}

static void kinds_are_counted(void **state)
{
	struct stderr_lines lines;
	struct told t = {0};
	char field[64], reason[64], said[8192];

	(void)state;
	for (unsigned i = 0; i < TOLD_LINES_PER_FILE; i++)
		assert_true(note(&t, "a.yaml", "spec.type", "wrong"));
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(field, sizeof field, "spec.ports[%u].port", i);
		snprintf(reason, sizeof reason, "%u is not in 1…65535", 70000 + i);
		assert_false(note(&t, "a.yaml", field, reason));
		snprintf(reason, sizeof reason, "\"type%u\" is none of them", i);
		assert_false(note(&t, "a.yaml", "spec.type", reason));
	}
	assert_true(note(&t, "b.yaml", "spec.type", "wrong"));
	lines = stderr_lines_begin();
	told_end(&t, "/m");
	assert_int_equal(stderr_lines_end_with(&lines, said, sizeof said), 3);
	assert_non_null(strstr(said, "/m/a.yaml: 1000 more of: Service: spec.ports[].port:  is not in …\n"));
	assert_non_null(strstr(said, "/m/a.yaml: 1000 more of: Service: spec.type: \"\" is none of them\n"));
}

static void kinds_are_bounded(void **state)
{
	struct stderr_lines lines;
	struct told t = {0};
	char field[64];

	(void)state;
	for (unsigned i = 0; i < 10000; i++) {
		snprintf(field, sizeof field, "%c%c%c", 'a' + i % 26, 'a' + i / 26 % 26, 'a' + i / 676 % 26);
		note(&t, "", field, "unknown field");
	}
	lines = stderr_lines_begin();
	told_end(&t, "/m");
	assert_int_equal(stderr_lines_end(&lines), TOLD_KINDS_PER_FILE + 2);
	told_end(&t, "/m"); /* all is forgotten */
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(kinds_are_counted), cmocka_unit_test(kinds_are_bounded)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
