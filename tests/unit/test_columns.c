/* Tables of the commands: widths, the last column, text beside the table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/columns.h"

static void prints(const char *text, const char *wanted)
{
	struct columns c = {0};
	char *printed = NULL;
	size_t length;
	FILE *out = open_memstream(&printed, &length);

	assert_non_null(out);
	columns_print(&c, text, out);
	fclose(out);
	assert_string_equal(printed, wanted);
	free(printed);
}

static void test_columns(void **state)
{
	(void)state;
	prints("", "");
	prints("A|B\n", "A  B\n");
	prints("NAME|X|NOTE\nlonger|1|-\na|22|b\n", "NAME    X   NOTE\nlonger  1   -\na       22  b\n");
	prints("A|B\n…|x\n..|y\n", "A   B\n…   x\n..  y\n");
}

static void test_what_is_no_cell(void **state)
{
	(void)state;
	prints("A|B\nx|1|2|3\nyy|z\n", "A   B\nx   1|2|3\nyy  z\n"); /* the last column takes all */
	prints("A|B\nx|1\nand more of it, longer than all\n", "A  B\nx  1\nand more of it, longer than all\n");
	prints("A|B|C\nx\ny|\n", "A  B  C\nx\ny  \n");
	prints("A|B|C|D|E|F|G|H|I|J|K|L|M|N|O|P|Q|R\n", "A  B  C  D  E  F  G  H  I  J  K  L  M  N  O  P|Q|R\n");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {cmocka_unit_test(test_columns),
						  cmocka_unit_test(test_what_is_no_cell)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
