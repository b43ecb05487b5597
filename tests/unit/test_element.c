/* Elements: text, order, equality. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <netinet/in.h>

#include "nft/element.h"

static struct addr addr(const char *text)
{
	struct addr a = {0};

	assert_true(addr_parse(&a, text));
	return a;
}

static struct cidr cidr(const char *text)
{
	struct cidr c = {0};

	assert_true(cidr_parse(&c, text));
	return c;
}

static struct element frontend(enum set_id set, const char *daddr, uint16_t port)
{
	return (struct element){.set = (uint8_t)set, .daddr = addr(daddr), .proto = IPPROTO_TCP, .port = port};
}

static void formats_as_nft_writes(void **state)
{
	struct element e = frontend(SET_DISPATCH, "10.96.0.1", 443);
	char text[ELEMENT_TEXT_BYTES];

	(void)state;
	e.verdict = (struct verdict){.kind = VERDICT_CLUSTER, .size = 2};
	assert_string_equal(element_format(&e, text), "dispatch4 { 10.96.0.1 . tcp . 443 : goto cluster4-2 }");
	e.verdict = (struct verdict){.kind = VERDICT_EXTERNAL, .size = 64, .affinity = true, .maglev = true};
	assert_string_equal(element_format(&e, text),
			    "dispatch4 { 10.96.0.1 . tcp . 443 : goto external4-affinity-maglev-64 }");
	e.verdict = (struct verdict){.kind = VERDICT_DROP};
	assert_string_equal(element_format(&e, text), "dispatch4 { 10.96.0.1 . tcp . 443 : drop }");
	e.verdict = (struct verdict){.kind = VERDICT_REJECT};
	assert_string_equal(element_format(&e, text), "dispatch4 { 10.96.0.1 . tcp . 443 : goto refuse }");
	e.set = SET_AFFINITY_FRONTENDS;
	e.verdict = (struct verdict){.kind = VERDICT_AFFINITY_RECORD, .timeout_s = 10800};
	assert_string_equal(element_format(&e, text),
			    "affinity-frontends4 { 10.96.0.1 . tcp . 443 : jump affinity-record4-10800 }");
}

static void formats_every_set(void **state)
{
	struct element e = frontend(SET_ENDPOINTS, "fd00::1", 53);
	char text[ELEMENT_TEXT_BYTES];

	(void)state;
	e.proto = IPPROTO_UDP;
	e.slot = 3;
	e.to = addr("fd01::5");
	e.to_port = 5353;
	assert_string_equal(element_format(&e, text), "endpoints6 { fd00::1 . udp . 53 . 3 : fd01::5 . 5353 }");
	e.set = SET_AFFINITY;
	e.range = cidr_host(&e.to);
	assert_string_equal(element_format(&e, text), "affinity6 { fd01::5 . fd00::1 . udp . 53 : fd01::5 . 5353 }");
	e = (struct element){.set = SET_CLUSTER_IPS, .daddr = addr("10.96.0.9")};
	assert_string_equal(element_format(&e, text), "cluster-ips4 { 10.96.0.9 }");
	e = (struct element){.set = SET_SERVICE_CIDRS, .range = cidr("10.96.0.0/12")};
	assert_string_equal(element_format(&e, text), "service-cidrs4 { 10.96.0.0/12 }");
	e = frontend(SET_ALLOWED_SOURCES, "192.0.2.1", 80);
	e.proto = IPPROTO_SCTP;
	e.range = cidr("10.0.0.0/8");
	assert_string_equal(element_format(&e, text), "allowed-sources4 { 192.0.2.1 . sctp . 80 . 10.0.0.0/8 }");
}

static void sizes_of_pools(void **state)
{
	static const uint32_t sizes[] = {1,   2,   3,	4,   5,	   6,	 7,    8,    10,    12,	   14,
					 16,  20,  24,	28,  32,   40,	 48,   56,   64,    80,	   96,
					 112, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536};
	uint32_t count = 1;

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
		for (; count <= sizes[i]; count++)
			assert_int_equal(slot_size(count), sizes[i]);
	assert_int_equal(count, SLOT_MAX_SIZE + 1);
}

static void family_is_that_of_the_key(void **state)
{
	struct element e = {.set = SET_SERVICE_CIDRS, .range = cidr("fd00::/64")};

	(void)state;
	assert_int_equal(element_family(&e), AF_INET6);
	e = frontend(SET_ALLOWED_SOURCES, "192.0.2.1", 80);
	assert_int_equal(element_family(&e), AF_INET);
}

static void value_and_counters_are_not_key(void **state)
{
	struct element a = frontend(SET_DISPATCH, "10.96.0.1", 443), b = a;

	(void)state;
	a.verdict = (struct verdict){.kind = VERDICT_CLUSTER, .size = 2};
	b.verdict = (struct verdict){.kind = VERDICT_CLUSTER, .size = 4};
	assert_true(element_same_key(&a, &b));
	assert_false(element_equal(&a, &b));
	b.verdict.size = 2;
	b.packets = 7;
	b.bytes = 300;
	assert_true(element_equal(&a, &b));
}

/* What a set or verdict does not use may hold anything. */
static void unused_fields_do_not_count(void **state)
{
	struct element a = frontend(SET_DISPATCH, "10.96.0.1", 443), b = a;

	(void)state;
	a.verdict = (struct verdict){.kind = VERDICT_REJECT};
	b.verdict = (struct verdict){.kind = VERDICT_REJECT, .size = 8, .affinity = true};
	b.slot = 9;
	assert_true(element_equal(&a, &b));
	a.set = b.set = SET_CLUSTER_IPS;
	b.port = 1;
	b.proto = IPPROTO_UDP;
	assert_true(element_equal(&a, &b));
}

static int compare(const void *a, const void *b)
{
	return element_compare(a, b);
}

static void order_is_set_family_key_value(void **state)
{
	struct element list[] = {
		frontend(SET_ENDPOINTS, "10.96.0.1", 1), frontend(SET_DISPATCH, "fd00::1", 1),
		frontend(SET_DISPATCH, "10.96.0.2", 1),	 frontend(SET_DISPATCH, "10.96.0.1", 2),
		frontend(SET_DISPATCH, "10.96.0.1", 1),
	};
	const struct element sorted[] = {list[4], list[3], list[2], list[1], list[0]};

	(void)state;
	qsort(list, 5, sizeof *list, compare);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(element_compare(&list[i], &sorted[i]), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats_as_nft_writes),
		cmocka_unit_test(formats_every_set),
		cmocka_unit_test(sizes_of_pools),
		cmocka_unit_test(family_is_that_of_the_key),
		cmocka_unit_test(value_and_counters_are_not_key),
		cmocka_unit_test(unused_fields_do_not_count),
		cmocka_unit_test(order_is_set_family_key_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
