/* The tree of addresses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "dns/zone/rcu.h"
#include "dns/zone/reverse.h"

#define ADDRS 2000

static struct addr addrs[ADDRS];
static bool present[ADDRS];

/* Half IPv4, half IPv6, dense enough for long common prefixes. */
static void addrs_make(void)
{
	srand(7);
	for (unsigned i = 0; i < ADDRS; i++) {
		addrs[i] = (struct addr){.family = i % 2 == 0 ? AF_INET : AF_INET6, .bytes = {0xfd}};
		for (unsigned k = 1; k < addr_bytes(&addrs[i]); k++)
			addrs[i].bytes[k] = (uint8_t)(rand() % 3);
	}
}

static bool shares(const struct addr *a, const struct addr *b, unsigned bits)
{
	for (unsigned i = 0; i < bits; i++) {
		if (((a->bytes[i / 8] ^ b->bytes[i / 8]) >> (7 - i % 8) & 1) != 0)
			return false;
	}
	return a->family == b->family;
}

static bool slow_any(const struct addr *a, unsigned bits)
{
	for (unsigned i = 0; i < ADDRS; i++) {
		if (present[i] && shares(&addrs[i], a, bits))
			return true;
	}
	return false;
}

static void compare_all(const struct reverse *r)
{
	for (unsigned i = 0; i < ADDRS; i++) {
		const struct reverse_leaf *leaf = reverse_find(r, &addrs[i]);
		uint32_t owners = 0;
		for (unsigned k = 0; k < ADDRS; k++)
			owners += present[k] && addr_equal(&addrs[k], &addrs[i]);
		assert_int_equal(leaf == NULL ? 0 : leaf->count, owners);
	}
	for (unsigned i = 0; i < 200; i++) {
		struct addr a = addrs[rand() % ADDRS];
		unsigned bits = (unsigned)rand() % ((unsigned)addr_bytes(&a) * 8 + 1);
		if (rand() % 2 == 0)
			a.bytes[rand() % 4] ^= 1;
		assert_int_equal(reverse_any(r, &a, bits), slow_any(&a, bits));
	}
}

/* Against a slow list, with repeated addresses, in waves of additions and removals. */
static void like_a_list(void **state)
{
	struct reverse r = {0};

	(void)state;
	addrs_make();
	rcu_writer_begin();
	compare_all(&r);
	for (unsigned wave = 0; wave < 6; wave++) {
		for (unsigned i = 0; i < ADDRS; i++) {
			bool want = wave == 5 ? false : rand() % 2 == 0;
			if (want && !present[i])
				reverse_add(&r, &addrs[i], &present[i]);
			else if (!want && present[i])
				reverse_del(&r, &addrs[i], &present[i]);
			present[i] = want;
		}
		compare_all(&r);
	}
	reverse_add(&r, &addrs[0], &present[0]);
	rcu_writer_end();
	rcu_writer_settle();
	reverse_fini(&r);
	assert_null(reverse_find(&r, &addrs[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(like_a_list)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
