/* Networks that DNS answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/sock.h"
#include "dns/zone/clients.h"
#include "dns/zone/rcu.h"
#include "tests/unit/dns_lab.h"

enum { RANGES_MAX = 64 };

static size_t parse(struct cidr *to, const char *text)
{
	char word[CIDR_TEXT_BYTES];
	size_t count = 0;
	int used;

	for (; sscanf(text, " %49s%n", word, &used) == 1; text += used)
		assert_true(cidr_parse_or_host(&to[count++], word));
	return count;
}

static bool set(struct clients *c, const char *text)
{
	struct cidr ranges[RANGES_MAX];

	return clients_set(c, ranges, parse(ranges, text));
}

static bool knows(const struct clients *c, const struct addr *a)
{
	struct sockaddr_storage from;

	sock_address(&from, a, 1);
	return clients_know(c, (const struct sockaddr *)&from);
}

static bool knows_text(const struct clients *c, const char *text)
{
	struct addr a = lab_addr(text);

	return knows(c, &a);
}

static void edges(void **state)
{
	static const struct {
		const char *ranges, *addr;
		bool known;
	} rows[] = {
		{"", "127.0.0.1", false},
		{"10.0.0.0/8", "9.255.255.255", false},
		{"10.0.0.0/8", "10.0.0.0", true},
		{"10.0.0.0/8", "10.255.255.255", true},
		{"10.0.0.0/8", "11.0.0.0", false},
		{"10.0.0.0/8 10.1.0.0/16", "10.2.0.0", true}, /* behind a range inside another */
		{"10.1.0.0/16 10.0.0.0/8 10.0.0.0/8", "10.200.0.1", true},
		{"0.0.0.0/0", "255.255.255.255", true},
		{"0.0.0.0/0", "::1", false},
		{"203.0.113.5", "203.0.113.5", true},
		{"203.0.113.5", "203.0.113.6", false},
		{"2001:db8::/32 fd00::/8", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", true},
		{"2001:db8::/32 fd00::/8", "2001:db9::", false},
		{"::/0", "1.2.3.4", false},
		{"::/0", "::", true},
		{"2001:db8::/61", "2001:db8:0:7::1", true},
		{"2001:db8::/61", "2001:db8:0:8::1", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct clients *c = clients_new();
		set(c, rows[i].ranges);
		assert_int_equal(knows_text(c, rows[i].addr), rows[i].known);
		clients_free(c);
	}
	rcu_writer_settle();
}

/* Against a plain look at every range. */
static void random_ranges(void **state)
{
	struct cidr ranges[RANGES_MAX];

	(void)state;
	srandom(7);
	for (unsigned round = 0; round < 200; round++) {
		struct clients *c = clients_new();
		size_t count = (size_t)random() % RANGES_MAX;
		for (size_t i = 0; i < count; i++) {
			struct addr a = {random() % 2 == 0 ? AF_INET : AF_INET6, {(uint8_t)(random() % 4)}};
			a.bytes[1] = (uint8_t)random();
			ranges[i] = cidr_network(&a, (uint8_t)(random() % 20));
		}
		clients_set(c, ranges, count);
		for (unsigned k = 0; k < 200; k++) {
			struct addr a = {random() % 2 == 0 ? AF_INET : AF_INET6, {(uint8_t)(random() % 4)}};
			for (size_t i = 1; i < addr_bytes(&a); i++)
				a.bytes[i] = (uint8_t)random();
			bool expected = false;
			for (size_t i = 0; i < count; i++)
				expected |= cidr_contains(&ranges[i], &a);
			assert_int_equal(knows(c, &a), expected);
		}
		clients_free(c);
	}
	rcu_writer_settle();
}

static void published_only_when_changed(void **state)
{
	struct clients *c = clients_new();

	(void)state;
	assert_false(set(c, ""));
	assert_true(set(c, "10.0.0.0/8 fd00::/8"));
	assert_false(set(c, "fd00::/8 10.0.0.0/8 10.1.0.0/16")); /* the same addresses */
	assert_true(set(c, "10.0.0.0/8"));
	assert_false(knows_text(c, "fd00::1"));
	clients_free(c);
	rcu_writer_settle();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(edges),
		cmocka_unit_test(random_ranges),
		cmocka_unit_test(published_only_when_changed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
