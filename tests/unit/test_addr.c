#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/addr.h"

static void leading_zeros_are_decimal(void **state)
{
	struct addr a;
	char text[ADDR_TEXT_BYTES];

	(void)state;
	assert_true(addr_parse(&a, "010.000.08.1"));
	assert_string_equal(addr_format(&a, text), "10.0.8.1");
	assert_true(addr_parse(&a, "2001:db8::0001"));
	assert_string_equal(addr_format(&a, text), "2001:db8::1");
}

static void what_is_no_address(void **state)
{
	static const char *const bad[] = {"",	    "1.2.3",   "1.2.3.4.5",  "256.1.1.1", "1.2.3.4 ", " 1.2.3.4",
					  "1..2.3", "a.b.c.d", "fe80::1%lo", ":::",	  "1.2.3.4/8"};
	struct addr a = {.family = 7};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(addr_parse(&a, bad[i]));
	assert_int_equal(a.family, 7);
	assert_false(addr_parse(&a, NULL));
}

static void prefixes(void **state)
{
	struct cidr c;
	struct addr a;
	char text[CIDR_TEXT_BYTES];

	(void)state;
	assert_true(cidr_parse(&c, "10.1.2.3/8"));
	assert_string_equal(cidr_format(&c, text), "10.0.0.0/8");
	assert_true(addr_parse(&a, "10.255.0.1") && cidr_contains(&c, &a));
	assert_true(addr_parse(&a, "11.0.0.1") && !cidr_contains(&c, &a));
	assert_true(addr_parse(&a, "::1") && !cidr_contains(&c, &a));
	assert_true(cidr_parse(&c, "0.0.0.0/0"));
	assert_true(addr_parse(&a, "203.0.113.9") && cidr_contains(&c, &a));
	assert_true(cidr_parse(&c, "2001:db8:ffff::/33"));
	assert_string_equal(cidr_format(&c, text), "2001:db8:8000::/33");
	assert_false(cidr_parse(&c, "10.0.0.0"));
	assert_false(cidr_parse(&c, "10.0.0.0/33"));
	assert_false(cidr_parse(&c, "10.0.0.0/"));
	assert_false(cidr_parse(&c, "::/129"));
}

static void address_with_port(void **state)
{
	struct addr a;
	uint16_t port = 53;
	char text[ADDR_PORT_TEXT_BYTES];

	(void)state;
	assert_true(addr_port_parse(&a, &port, "127.0.0.1") && port == 53);
	assert_true(addr_port_parse(&a, &port, "127.0.0.1:5353") && port == 5353);
	assert_true(addr_port_parse(&a, &port, "::1") && port == 5353);
	assert_true(addr_port_parse(&a, &port, "[::1]:54") && port == 54);
	assert_string_equal(addr_port_format(&a, port, text), "[::1]:54");
	assert_false(addr_port_parse(&a, &port, "127.0.0.1:"));
	assert_false(addr_port_parse(&a, &port, "127.0.0.1:65536"));
	assert_false(addr_port_parse(&a, &port, "[::1"));
	assert_false(addr_port_parse(&a, &port, "[127.0.0.1]:1"));
	assert_int_equal(port, 54);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(leading_zeros_are_decimal),
		cmocka_unit_test(what_is_no_address),
		cmocka_unit_test(prefixes),
		cmocka_unit_test(address_with_port),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
