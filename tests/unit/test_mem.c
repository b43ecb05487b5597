/* Arenas. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"

/* Several chunks; what was handed out is still ours after a wipe. */
static void test_wipe_leaves_no_secret(void **state)
{
	struct arena *a = arena_new(64);
	char *secrets[50];

	(void)state;
	for (size_t i = 0; i < 50; i++)
		secrets[i] = arena_printf(a, "secret number %zu", i);
	arena_wipe(a);
	for (size_t i = 0; i < 50; i++)
		for (size_t at = 0; at < strlen("secret number"); at++)
			assert_int_equal(secrets[i][at], 0);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_wipe_leaves_no_secret)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
