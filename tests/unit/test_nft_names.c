/* Names of sets and chains. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "nft/names.h"

static void sets_there_and_back(void **state)
{
	char name[NAME_BYTES];
	enum set_id set;
	int family;

	(void)state;
	for (int id = 0; id < SET_COUNT; id++) {
		assert_true(names_set_parse(names_set((enum set_id)id, AF_INET6, name), &set, &family));
		assert_int_equal(set, id);
		assert_int_equal(family, AF_INET6);
	}
	assert_false(names_set_parse("dispatch", &set, &family));
	assert_false(names_set_parse("dispatch5", &set, &family));
	assert_false(names_set_parse("dispatch44", &set, &family));
	assert_false(names_set_parse("same-byte", &set, &family));
}

static void there_and_back(struct verdict v)
{
	char name[NAME_BYTES], again[NAME_BYTES];
	struct verdict read;
	int family = AF_INET;

	assert_true(names_chain_parse(names_chain(&v, AF_INET, name), &read, &family));
	assert_int_equal(family, AF_INET);
	assert_string_equal(names_chain(&read, AF_INET, again), name);
	assert_int_equal(read.kind, v.kind);
}

static void chains_there_and_back(void **state)
{
	(void)state;
	for (int kind = VERDICT_CLUSTER; kind <= VERDICT_PICK_INTERNAL; kind++)
		for (unsigned flags = 0; flags < 4; flags++)
			for (uint32_t size = 1; size <= SLOT_MAX_SIZE; size *= 2)
				there_and_back((struct verdict){(uint8_t)kind, .affinity = flags & 1,
								.maglev = flags & 2, .size = size});
	there_and_back((struct verdict){.kind = VERDICT_REJECT});
	there_and_back((struct verdict){.kind = VERDICT_AFFINITY_RECORD, .timeout_s = 86400});
}

static void other_chains_are_not_ours(void **state)
{
	static const char *const others[] = {"",
					     "translated4",
					     "prerouting",
					     "cluster4",
					     "cluster4-",
					     "pick4-9",
					     "pick4-08",
					     "pick4-8x",
					     "pick4-131072",
					     "pick5-8",
					     "by-source4",
					     "refuse4",
					     "affinity-record4-0",
					     "affinity-record4-86401",
					     "pick4--8",
					     "pick4-maglev-affinity-8"};
	struct verdict v;
	int family;

	(void)state;
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		assert_false(names_chain_parse(others[i], &v, &family));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sets_there_and_back),
		cmocka_unit_test(chains_there_and_back),
		cmocka_unit_test(other_chains_are_not_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
