/* What the switch of br_netfilter says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "daemon/bridges.h"
#include "tests/tempfolder.h"

static bool says(const char *folder, const char *text)
{
	char path[TEMPFOLDER_BYTES + 16];

	snprintf(path, sizeof path, "%s/switch", folder);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
	return bridges_bypass(path);
}

static void off_and_on(void **state)
{
	char folder[TEMPFOLDER_BYTES];

	(void)state;
	tempfolder_new(folder, "bridges");
	assert_true(says(folder, "0\n"));
	assert_false(says(folder, "1\n"));
	assert_false(says(folder, ""));
	assert_false(bridges_bypass("/nonexistent/switch"));
	tempfolder_free(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(off_and_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
