/* Addresses that take node ports. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "service/nodeports.h"

static const char *const host_text[] = {"127.0.0.1", "192.168.0.2", "192.168.1.2", "10.0.0.5", "169.254.1.1",
					"::1",	     "2001:db8::1", "2001:db8::2", "fe80::1"};
#define HOST_COUNT (sizeof host_text / sizeof host_text[0])

/* What a list takes on the host above, whose node IPs are 192.168.0.2 and 2001:db8::1. */
static void expect(const char *list, const char *wanted)
{
	struct addr host[HOST_COUNT], out[HOST_COUNT], node_ips[3];
	char error[ERROR_BYTES], text[ADDR_TEXT_BYTES];
	struct nodeports n;
	struct buf b = {0};

	for (size_t i = 0; i < HOST_COUNT; i++)
		assert_true(addr_parse(&host[i], host_text[i]));
	assert_true(addr_parse(&node_ips[0], "127.0.0.1")); /* never primary */
	assert_true(addr_parse(&node_ips[1], "192.168.0.2"));
	assert_true(addr_parse(&node_ips[2], "2001:db8::1"));
	assert_true(nodeports_parse(&n, list, error));
	size_t count = nodeports_evaluate(&n, host, HOST_COUNT, node_ips, 3, out);
	buf_puts(&b, "");
	for (size_t i = 0; i < count; i++)
		buf_printf(&b, "%s%s", i != 0 ? " " : "", addr_format(&out[i], text));
	assert_string_equal(b.data, wanted);
	buf_fini(&b);
}

static void keywords(void **state)
{
	(void)state;
	expect("primary", "192.168.0.2 2001:db8::1");
	expect("all", "10.0.0.5 192.168.0.2 192.168.1.2 2001:db8::1 2001:db8::2");
	expect("localhost", ""); /* the relay's */
	expect("primary, localhost", "192.168.0.2 2001:db8::1");
	expect("all,localhost", "10.0.0.5 192.168.0.2 192.168.1.2 2001:db8::1 2001:db8::2");
}

static void cidrs(void **state)
{
	(void)state;
	/* CIDRs of one family only: the other takes all. */
	expect("192.168.0.0/16", "192.168.0.2 192.168.1.2 2001:db8::1 2001:db8::2");
	expect(" 192.168.1.0/24 , 2001:db8::2/128", "192.168.1.2 2001:db8::2");
	expect("primary,10.0.0.0/8", "10.0.0.5 192.168.0.2 2001:db8::1");
	expect("127.0.0.0/8,::1/128", "");
	expect("fe80::/10,169.254.0.0/16", "169.254.1.1 fe80::1");
	expect("172.16.0.0/12,fd00::/8", "");
	expect("192.168.1.2,2001:db8::2", "192.168.1.2 2001:db8::2"); /* status.hostIPs */
}

static void refused_with_the_item(void **state)
{
	struct nodeports n = {.primary = true};
	char error[ERROR_BYTES];

	(void)state;
	assert_false(nodeports_parse(&n, "primary,Primary", error));
	assert_non_null(strstr(error, "\"Primary\""));
	assert_false(nodeports_parse(&n, "10.0.0.1:80", error));
	assert_non_null(strstr(error, "\"10.0.0.1:80\""));
	assert_false(nodeports_parse(&n, "", error));
	assert_false(nodeports_parse(&n, "all,", error));
	assert_true(n.primary); /* untouched */
}

/* Inner addresses take the place of the others of their family. */
static void inner_addresses(void **state)
{
	struct addr out[4], inner[2];
	char text[ADDR_TEXT_BYTES];

	(void)state;
	assert_true(addr_parse(&out[0], "192.168.0.2"));
	assert_true(addr_parse(&out[1], "2001:db8::1"));
	assert_true(addr_parse(&inner[0], "172.16.0.1"));
	assert_true(addr_parse(&inner[1], "10.1.0.1"));
	assert_int_equal(nodeports_inner(inner, 2, out, 2), 3);
	assert_string_equal(addr_format(&out[0], text), "10.1.0.1");
	assert_string_equal(addr_format(&out[1], text), "172.16.0.1");
	assert_string_equal(addr_format(&out[2], text), "2001:db8::1");
}

static void loopback_is_opt_in(void **state)
{
	struct nodeports n;
	char error[ERROR_BYTES];

	(void)state;
	assert_true(nodeports_parse(&n, "all,0.0.0.0/0", error));
	assert_false(nodeports_want_loopback(&n));
	assert_true(nodeports_parse(&n, "primary,127.0.0.0/8", error));
	assert_true(nodeports_want_loopback(&n));
	assert_true(nodeports_parse(&n, "localhost", error));
	assert_true(nodeports_want_loopback(&n));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keywords),
		cmocka_unit_test(cidrs),
		cmocka_unit_test(refused_with_the_item),
		cmocka_unit_test(inner_addresses),
		cmocka_unit_test(loopback_is_opt_in),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
