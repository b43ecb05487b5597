/* Keys of hash tables: another order in every process. Digests: the same in every process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/hash.h"

#define PROCESSES 8

/* What a process of its own says: fork alone would inherit the seed once it is made. */
static void in_other_process(uint64_t out[2])
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	pid_t child = fork();
	if (child == 0) {
		uint64_t mine[2] = {hash_key("web", 3), hash_bytes("web", 3, 0)};
		_exit(write(ends[1], mine, sizeof mine) == (ssize_t)sizeof mine ? 0 : 1);
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], out, 2 * sizeof *out), 2 * sizeof *out);
	close(ends[0]);
	waitpid(child, NULL, 0);
}

static void test_seeds(void **state)
{
	uint64_t seen[PROCESSES][2];

	(void)state;
	for (int i = 0; i < PROCESSES; i++) {
		in_other_process(seen[i]);
		for (int k = 0; k < i; k++)
			assert_true(seen[i][0] != seen[k][0]);
		assert_true(seen[i][1] == hash_bytes("web", 3, 0));
	}
	assert_true(hash_key("web", 3) == hash_key("web", 3));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {cmocka_unit_test(test_seeds)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
