/* Names that are answered without an upstream server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dns/forward/local_names.h"
#include "tests/unit/upstream_reply.h"

static unsigned zone_of(const char *name)
{
	struct name n;

	assert_true(name_parse(&n, name));
	return local_zone(&n);
}

#define NIBBLES_31 "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."

static const struct {
	const char *name;
	unsigned labels;
} local_zones[] = {
	{"localhost", 1},
	{"a.b.LocalHost", 1},
	{"invalid", 1},
	{"x.onion", 1},
	{"x.alt", 1},
	{"home.arpa", 2},
	{"printer.home.arpa", 2},
	{"10.in-addr.arpa", 3},
	{"1.2.3.10.in-addr.arpa", 3},
	{"1.0.0.127.in-addr.arpa", 3},
	{"0.in-addr.arpa", 3},
	{"16.172.in-addr.arpa", 4},
	{"9.9.31.172.in-addr.arpa", 4},
	{"168.192.in-addr.arpa", 4},
	{"254.169.in-addr.arpa", 4},
	{"64.100.in-addr.arpa", 4},
	{"1.1.127.100.in-addr.arpa", 4},
	{"7.2.0.192.in-addr.arpa", 5},
	{"100.51.198.in-addr.arpa", 5},
	{"113.0.203.in-addr.arpa", 5},
	{"255.255.255.255.in-addr.arpa", 6},
	{"1.d.f.ip6.arpa", 4},
	{"a.e.f.ip6.arpa", 5},
	{"1.8.b.d.0.1.0.0.2.ip6.arpa", 10},
	{"1." NIBBLES_31 "ip6.arpa", 34},
	{"0." NIBBLES_31 "ip6.arpa", 34},
	/* neighbours that are asked for outside */
	{"", 0},
	{"test", 0},
	{"www.example.com", 0},
	{"localhost.example.com", 0},
	{"xinvalid", 0},
	{"arpa", 0},
	{"in-addr.arpa", 0},
	{"172.in-addr.arpa", 0},
	{"192.in-addr.arpa", 0},
	{"15.172.in-addr.arpa", 0},
	{"32.172.in-addr.arpa", 0},
	{"63.100.in-addr.arpa", 0},
	{"128.100.in-addr.arpa", 0},
	{"255.255.255.in-addr.arpa", 0},
	{"8.8.8.8.in-addr.arpa", 0},
	{"010.in-addr.arpa", 0},
	{"266.in-addr.arpa", 0},
	{"c.f.ip6.arpa", 0},
	{"c.e.f.ip6.arpa", 0},
	{NIBBLES_31 "ip6.arpa", 0},
	{"ipv4only.arpa", 0},
};

static void zones(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof local_zones / sizeof *local_zones; i++) {
		if (zone_of(local_zones[i].name) != local_zones[i].labels)
			print_error("%s: %u labels, not %u\n", local_zones[i].name, zone_of(local_zones[i].name),
				    local_zones[i].labels);
		assert_int_equal(zone_of(local_zones[i].name), local_zones[i].labels);
	}
}

/* Labels are counted bytes: "10\0" is no octet. */
static void no_byte_is_skipped(void **state)
{
	static const uint8_t wire[] = "\00310\0\7in-addr\4arpa";
	struct name n;
	size_t at = 0;

	(void)state;
	assert_true(name_read(&n, wire, sizeof wire, &at));
	assert_int_equal(local_zone(&n), 0);
}

static const char *answer_line(const char *name, unsigned type, size_t limit)
{
	static uint8_t message[1232];
	struct question q = question_make(name, type);
	struct reply r = {.w = {message, WIRE_HEADER_BYTES + q.length, limit, false}, .ede = EDE_NONE};
	struct name n;

	assert_true(name_parse(&n, name));
	memcpy(message + WIRE_HEADER_BYTES, q.bytes, q.length);
	local_answer(&n, local_zone(&n), type, &r);
	memset(message, 0, WIRE_HEADER_BYTES);
	wire_put16(message + 2, FLAG_QR | (r.truncated ? FLAG_TC : 0U) | r.rcode);
	wire_put16(message + 4, 1);
	wire_put16(message + 6, r.answers);
	wire_put16(message + 8, r.authorities);
	return reply_line(message, r.w.at);
}

#define SOA_OF(ZONE) ZONE " 10800 IN SOA " ZONE " nobody.invalid. 1 3600 1200 604800 10800"

static void answers(void **state)
{
	(void)state;
	assert_string_equal(answer_line("localhost", TYPE_A, 512), "NOERROR: localhost. 10800 IN A 127.0.0.1 /  / ");
	assert_string_equal(answer_line("x.localhost", TYPE_AAAA, 512),
			    "NOERROR: x.localhost. 10800 IN AAAA ::1 /  / ");
	assert_string_equal(answer_line("x.localhost", TYPE_MX, 512), "NOERROR:  / " SOA_OF("localhost.") " / ");
	assert_string_equal(answer_line("x.onion", TYPE_A, 512), "NXDOMAIN:  / " SOA_OF("onion.") " / ");
	assert_string_equal(answer_line("1.0.0.10.in-addr.arpa", TYPE_PTR, 512),
			    "NXDOMAIN:  / " SOA_OF("10.in-addr.arpa.") " / ");
	assert_string_equal(answer_line("10.in-addr.arpa", TYPE_A, 512),
			    "NOERROR:  / " SOA_OF("10.in-addr.arpa.") " / ");
	assert_string_equal(answer_line("10.in-addr.arpa", TYPE_SOA, 512),
			    "NOERROR: " SOA_OF("10.in-addr.arpa.") " /  / ");
	assert_string_equal(answer_line("10.in-addr.arpa", TYPE_NS, 512),
			    "NOERROR: 10.in-addr.arpa. 10800 IN NS 10.in-addr.arpa. /  / ");
	assert_string_equal(answer_line("x.onion", TYPE_A, 40), "NXDOMAIN tc:  /  / ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zones),
		cmocka_unit_test(no_byte_is_skipped),
		cmocka_unit_test(answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
