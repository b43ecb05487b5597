/* The list of elements. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <netinet/in.h>

#include "nft/element_list.h"

static struct element slot(uint32_t number, uint16_t to_port)
{
	return (struct element){.set = SET_ENDPOINTS,
				.daddr = {.family = AF_INET, .bytes = {10, 96, 0, 1}},
				.proto = IPPROTO_TCP,
				.port = 80,
				.slot = number,
				.to_port = to_port};
}

static void add(struct element_list *l, uint32_t number, uint16_t to_port)
{
	const struct element e = slot(number, to_port);

	element_list_add(l, &e);
}

static void sorts_and_keeps_the_first_of_each_key(void **state)
{
	struct element_list l = {0};

	(void)state;
	element_list_sort(&l);
	element_list_unique(&l);
	assert_int_equal(l.count, 0);
	add(&l, 2, 1);
	add(&l, 1, 9);
	add(&l, 1, 8);
	add(&l, 2, 1);
	element_list_sort(&l);
	element_list_unique(&l);
	assert_int_equal(l.count, 2);
	assert_int_equal(l.items[0].slot, 1);
	assert_int_equal(l.items[0].to_port, 8);
	assert_int_equal(l.items[1].slot, 2);
	element_list_fini(&l);
}

/* All sets and both families, in no order. */
static void sorts_by_set_family_and_key(void **state)
{
	struct element_list l = {0};
	uint32_t random = 1;

	(void)state;
	for (uint32_t i = 0; i < 2000; i++) {
		struct element e = slot(0, 1);
		random = random * 1664525 + 1013904223;
		e.set = (uint8_t)(random >> 24) % SET_COUNT;
		e.daddr.family = (random & 0x10000) != 0 ? AF_INET : AF_INET6;
		e.daddr.bytes[3] = (uint8_t)(random >> 8);
		e.slot = random >> 20 & 7;
		if (e.set == SET_SERVICE_CIDRS || e.set == SET_ALLOWED_SOURCES || e.set == SET_AFFINITY)
			e.range.addr = e.daddr;
		element_list_add(&l, &e);
	}
	element_list_sort(&l);
	assert_int_equal(l.count, 2000);
	for (size_t i = 1; i < l.count; i++)
		assert_true(element_compare(&l.items[i - 1], &l.items[i]) <= 0);
	element_list_fini(&l);
}

static void a_cleared_list_keeps_little_memory(void **state)
{
	struct element_list l = {0};

	(void)state;
	for (uint32_t i = 0; i < ELEMENT_LIST_KEPT; i++)
		add(&l, i, 1);
	element_list_clear(&l);
	assert_int_equal(l.count, 0);
	assert_int_equal(l.room, ELEMENT_LIST_KEPT);
	for (uint32_t i = 0; i <= ELEMENT_LIST_KEPT; i++)
		add(&l, i, 1);
	element_list_clear(&l);
	assert_int_equal(l.count, 0);
	assert_int_equal(l.room, 0);
	add(&l, 3, 1);
	assert_int_equal(l.items[0].slot, 3);
	element_list_fini(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sorts_and_keeps_the_first_of_each_key),
		cmocka_unit_test(sorts_by_set_family_and_key),
		cmocka_unit_test(a_cleared_list_keeps_little_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
