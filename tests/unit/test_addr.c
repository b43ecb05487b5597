/* Addresses and prefixes: text to value and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/addr.h"
#include "base/sock.h"

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

static void special_addresses(void **state)
{
	static const struct {
		const char *text;
		bool loopback, link_local, wildcard;
	} rows[] = {
		{"127.9.9.9", .loopback = true},
		{"::1", .loopback = true},
		{"169.254.1.1", .link_local = true},
		{"fe80::1", .link_local = true},
		{"febf::1", .link_local = true},
		{"0.0.0.0", .wildcard = true},
		{"::", .wildcard = true},
		{"128.0.0.1", .loopback = false},
		{"fec0::1", .link_local = false},
		{"::ffff:127.0.0.1", .loopback = 1},
		{"0.0.0.1", .wildcard = false},
		{"::2", .wildcard = false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct addr a;
		assert_true(addr_parse(&a, rows[i].text));
		assert_int_equal(addr_is_loopback(&a), rows[i].loopback);
		assert_int_equal(addr_is_link_local(&a), rows[i].link_local);
		assert_int_equal(addr_is_wildcard(&a), rows[i].wildcard);
	}
}

/* Through a sockaddr and back, from any place in memory. */
static void socket_addresses(void **state)
{
	static const char *const texts[] = {"10.1.2.3", "fd00::1", "0.0.0.0"};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		char place[sizeof(struct sockaddr_storage) + 1];
		struct sockaddr_storage ss;
		struct addr a, b;
		assert_true(addr_parse(&a, texts[i]));
		memcpy(place + 1, &ss, sock_address(&ss, &a, 5353));
		assert_int_equal(sock_parse(&b, place + 1), 5353);
		assert_true(addr_equal(&a, &b));
	}
}

static struct addr parsed(const char *text)
{
	struct addr a;

	assert_true(addr_parse(&a, text));
	return a;
}

static void ends_of_prefixes(void **state)
{
	static const char *const rows[][3] = {{"10.0.0.0/8", "10.0.0.0", "10.255.255.255"},
					      {"192.0.2.128/25", "192.0.2.128", "192.0.2.255"},
					      {"192.0.2.7/32", "192.0.2.7", "192.0.2.7"},
					      {"0.0.0.0/0", "0.0.0.0", "255.255.255.255"},
					      {"2001:db8::/33", "2001:db8::", "2001:db8:7fff:ffff:ffff:ffff:ffff:ffff"},
					      {"::/0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}};
	char text[CIDR_TEXT_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct addr first = parsed(rows[i][1]), last = parsed(rows[i][2]);
		struct cidr c, again;
		assert_true(cidr_parse(&c, rows[i][0]));
		const struct addr found = cidr_last(&c);
		assert_string_equal(addr_format(&found, text), rows[i][2]);
		assert_true(cidr_between(&again, &first, &last));
		assert_string_equal(cidr_format(&again, text), rows[i][0]);
	}
}

static void ranges_that_are_no_prefix(void **state)
{
	static const char *const rows[][2] = {
		{"10.0.0.0", "10.0.0.2"}, {"10.0.0.1", "10.0.0.2"}, {"10.0.0.3", "10.0.0.0"}};
	struct cidr c;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct addr first = parsed(rows[i][0]), last = parsed(rows[i][1]);
		assert_false(cidr_between(&c, &first, &last));
	}
}

static void neighbours(void **state)
{
	static const struct {
		const char *addr, *next;
		bool is_last;
	} rows[] = {{"10.0.0.1", "10.0.0.2", false},
		    {"10.0.255.255", "10.1.0.0", false},
		    {"255.255.255.255", "0.0.0.0", true},
		    {"2001:db8::ffff", "2001:db8::1:0", false},
		    {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::", true}};
	char text[ADDR_TEXT_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct addr a = parsed(rows[i].addr);
		assert_int_equal(addr_next(&a), !rows[i].is_last);
		assert_string_equal(addr_format(&a, text), rows[i].next);
		assert_int_equal(addr_previous(&a), !rows[i].is_last);
		assert_string_equal(addr_format(&a, text), rows[i].addr);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_of_prefixes),   cmocka_unit_test(ranges_that_are_no_prefix),
		cmocka_unit_test(neighbours),	      cmocka_unit_test(leading_zeros_are_decimal),
		cmocka_unit_test(what_is_no_address), cmocka_unit_test(prefixes),
		cmocka_unit_test(address_with_port),  cmocka_unit_test(special_addresses),
		cmocka_unit_test(socket_addresses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
