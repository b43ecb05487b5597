/* What clients outside --dns-allow get: small replies, few of them, nothing from outside the cluster. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/sock.h"
#include "dns/answer/stranger.h"
#include "dns/zone/clients.h"
#include "dns/zone/rcu.h"
#include "tests/unit/dns_lab.h"

enum { COOKIE_AT_OPTION = 4 };
static const uint64_t SECOND_NS = 1000000000;

static struct lab lab;
static struct clients *clients;
static uint8_t query[2048];

static int fill(void **state)
{
	struct cidr private;

	(void)state;
	lab_init(&lab);
	lab_put(&lab, lab_cluster_ip("default", "web", "10.96.0.1", "http:tcp:80", ""));
	lab_put(&lab, lab_big(100));
	clients = clients_new();
	assert_true(cidr_parse(&private, "10.0.0.0/8"));
	clients_set(clients, &private, 1);
	lab.config.clients = clients;
	snprintf(lab.config.edns.nsid, sizeof lab.config.edns.nsid, "a-node-with-a-long-name-that-would-not-fit");
	memcpy(lab.config.edns.cookie_key, "0123456789abcdef", SIPHASH_KEY_BYTES);
	return 0;
}

static int empty(void **state)
{
	(void)state;
	lab_fini(&lab);
	clients_free(clients);
	return 0;
}

static int fresh(void **state)
{
	(void)state;
	strangers_free(lab.responder.strangers);
	lab.responder.strangers = NULL;
	lab.from = lab_addr("203.0.113.5");
	lab.counts = (struct respond_counts){0};
	return 0;
}

static unsigned flags(void)
{
	return wire_get16(lab.reply + 2);
}

/* Where the OPT record begins: behind the question. */
static size_t opt_at(void)
{
	size_t at = WIRE_HEADER_BYTES;

	while (query[at] != 0)
		at += query[at] + 1U;
	return at + 5;
}

static size_t add_option(size_t length, unsigned code, const void *data, unsigned data_bytes)
{
	size_t opt = opt_at();

	wire_put16(query + length, code);
	wire_put16(query + length + 2, data_bytes);
	memcpy(query + length + 4, data, data_bytes);
	wire_put16(query + opt + 9, wire_get16(query + opt + 9) + 4 + data_bytes);
	return length + 4 + data_bytes;
}

static size_t ask(const char *from, const char *name, unsigned type, unsigned edns, enum respond_proto proto)
{
	lab.from = lab_addr(from);
	return lab_send(&lab, query, lab_query(query, name, type, CLASS_IN, edns), proto);
}

#define BIG "big.default.svc.cluster.local"

static void large_answers_go_to_tcp(void **state)
{
	(void)state;
	size_t known = ask("10.0.0.9", BIG, TYPE_A, 1232, RESPOND_UDP);
	assert_true(known > 1100);
	size_t stranger = ask("203.0.113.5", BIG, TYPE_A, 1232, RESPOND_UDP);
	assert_in_range(stranger, 1, 3 * lab_query(query, BIG, TYPE_A, CLASS_IN, 1232) / 2);
	assert_true((flags() & FLAG_TC) != 0);
	assert_non_null(lab_line(&lab)); /* whole records */
	assert_true(ask("203.0.113.5", BIG, TYPE_A, 1232, RESPOND_TCP) > 1600);
	assert_int_equal(flags() & FLAG_TC, 0);
	ask("203.0.113.5", "web.default.svc.cluster.local", TYPE_A, 0, RESPOND_UDP); /* small enough as it is */
	assert_string_equal(lab_line(&lab), "NOERROR aa: web.default.~ A 10.96.0.1 / /");
	ask("203.0.113.5", "nx.default.svc.cluster.local", TYPE_A, 0, RESPOND_UDP); /* not without its SOA */
	assert_string_equal(lab_line(&lab), "NXDOMAIN aa tc: / /");
}

/* A long query does not buy a long reply. */
static void at_most_512_bytes(void **state)
{
	uint8_t padding[900] = {0};

	(void)state;
	size_t length = add_option(lab_query(query, BIG, TYPE_A, CLASS_IN, 1232), 12, padding, sizeof padding);
	assert_in_range(lab_send(&lab, query, length, RESPOND_UDP), 400, STRANGER_BYTES_MAX);
	assert_true((flags() & FLAG_TC) != 0);
}

/* Puts the cookie of the reply into the query; its length. */
static size_t with_their_cookie(void)
{
	uint8_t cookie[24] = "clientck";
	size_t length = lab_query(query, BIG, TYPE_A, CLASS_IN, 1232);

	assert_true(lab_send(&lab, query, add_option(length, 10, cookie, 8), RESPOND_UDP) > 0);
	const uint8_t *found = memmem(lab.reply, lab.reply_bytes, "\0\12\0\30clientck", 12);
	assert_non_null(found);
	memcpy(cookie, found + COOKIE_AT_OPTION, sizeof cookie);
	length = lab_query(query, BIG, TYPE_A, CLASS_IN, 1232);
	return add_option(length, 10, cookie, sizeof cookie);
}

static void a_cookie_shows_the_address(void **state)
{
	(void)state;
	size_t length = with_their_cookie();
	assert_true((flags() & FLAG_TC) != 0); /* the first one had none of ours */
	assert_int_equal(wire_get16(lab.reply + 6) < 73, true);
	assert_true(lab_send(&lab, query, length, RESPOND_UDP) > 1100);
	query[length - 1] ^= 1;
	assert_in_range(lab_send(&lab, query, length, RESPOND_UDP), 1, 3 * length / 2);
	query[length - 1] ^= 1;
	lab.from = lab_addr("203.0.113.6"); /* another client cannot use it */
	assert_in_range(lab_send(&lab, query, length, RESPOND_UDP), 1, 3 * length / 2);
	lab.from = lab_addr("203.0.113.5");
	assert_true(lab_send(&lab, query, length, RESPOND_UDP) > 1100);
}

/* RFC 9018 4.3: an hour old, five minutes ahead; RFC 1982 where the clock wraps. */
static void cookies_expire(void **state)
{
	static const struct {
		uint32_t made_s, now_s;
		bool valid;
	} rows[] = {
		{1000, 1000, true},	{1000, 4600, true},	 {1000, 4601, false},
		{1000, 700, true},	{1000, 699, false},	 {0xffffff00, 10, true},
		{10, 0xffffff00, true}, {0xffff0000, 10, false}, {1000, 1000 + 0x80000000, false},
	};
	const uint8_t *key = lab.config.edns.cookie_key;
	uint8_t cookie[24] = "clientck";
	struct sockaddr_storage from;
	struct addr a = lab_addr("2001:db8::1");

	(void)state;
	sock_address(&from, &a, 1);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct query q = {.cookie = cookie, .cookie_bytes = sizeof cookie};
		edns_cookie(key, cookie, (struct sockaddr *)&from, rows[i].made_s, cookie + 8);
		assert_int_equal(edns_cookie_valid(key, &q, (struct sockaddr *)&from, rows[i].now_s), rows[i].valid);
	}
	for (uint8_t bytes = 0; bytes <= COOKIE_BYTES_MAX; bytes++) {
		struct query q = {.cookie = cookie, .cookie_bytes = bytes == sizeof cookie ? 0 : bytes};
		assert_false(edns_cookie_valid(key, &q, (struct sockaddr *)&from, 1000));
	}
	struct query q = {.cookie = cookie, .cookie_bytes = sizeof cookie};
	edns_cookie(key, cookie, (struct sockaddr *)&from, 1000, cookie + 8);
	cookie[8] = 2; /* a version that is not ours */
	assert_false(edns_cookie_valid(key, &q, (struct sockaddr *)&from, 1000));
}

static void names_outside_are_refused(void **state)
{
	(void)state;
	for (enum respond_proto proto = RESPOND_UDP; proto <= RESPOND_TCP; proto++) {
		size_t bytes = ask("203.0.113.5", "example.com", TYPE_A, 1232, proto);
		assert_int_equal(flags() & FLAG_RCODE, RCODE_REFUSED);
		assert_non_null(memmem(lab.reply, bytes, "\0\17", 2));
		const uint8_t *ede = memmem(lab.reply, bytes, "\0\17", 2);
		assert_int_equal(wire_get16(ede + 4), EDE_PROHIBITED);
		bytes = ask("10.0.0.1", "example.com", TYPE_A, 1232, proto);
		ede = memmem(lab.reply, bytes, "\0\17", 2);
		assert_int_equal(wire_get16(ede + 4), EDE_NOT_AUTHORITATIVE);
	}
}

/* ---- rates ---- */

static void rates(void **state)
{
	struct strangers *s = strangers_new();
	struct sockaddr_storage from, same, other;
	struct addr a = lab_addr("203.0.113.5"), b = lab_addr("203.0.113.99"), c = lab_addr("203.0.114.5");
	unsigned sent = 0, truncated = 0, dropped = 0;

	(void)state;
	sock_address(&from, &a, 1);
	sock_address(&same, &b, 2);
	sock_address(&other, &c, 1);
	/* 10 s of 1 000 a second from two hosts of one network: the burst, and then the rate. */
	for (uint64_t ms = 0; ms < 10000; ms++) {
		struct sockaddr *who = (struct sockaddr *)(ms % 2 == 0 ? &from : &same);
		switch (strangers_reply(s, who, STRANGER_ANSWER, SECOND_NS + ms * 1000000)) {
		case STRANGER_SEND:
			sent++;
			break;
		case STRANGER_TRUNCATE:
			truncated++;
			break;
		default:
			dropped++;
		}
	}
	assert_in_range(sent, 11 * STRANGER_ANSWERS_PER_S - 2, 11 * STRANGER_ANSWERS_PER_S + 2);
	assert_in_range(truncated, dropped - 1, dropped + 1); /* STRANGER_SLIP 2 */
	/* Errors have a limit of their own, and other networks theirs (or, rarely, share a place: two of 4 096). */
	assert_int_equal(strangers_reply(s, (struct sockaddr *)&from, STRANGER_ERROR, 11 * SECOND_NS), STRANGER_SEND);
	for (unsigned i = 0; i < STRANGER_ERRORS_PER_S - 1; i++)
		strangers_reply(s, (struct sockaddr *)&from, STRANGER_ERROR, 11 * SECOND_NS);
	assert_int_not_equal(strangers_reply(s, (struct sockaddr *)&from, STRANGER_ERROR, 11 * SECOND_NS),
			     STRANGER_SEND);
	unsigned served = 0;
	for (uint8_t i = 0; i < 100; i++) {
		c.bytes[2] = i;
		sock_address(&other, &c, 1);
		served +=
			strangers_reply(s, (struct sockaddr *)&other, STRANGER_ANSWER, 11 * SECOND_NS) == STRANGER_SEND;
	}
	assert_true(served > 90);
	/* Later it is served again. */
	assert_int_equal(strangers_reply(s, (struct sockaddr *)&from, STRANGER_ANSWER, 13 * SECOND_NS), STRANGER_SEND);
	strangers_free(s);
}

/* Any number of forged networks gets no more than the places of the table have. */
static void bounded_in_all(void **state)
{
	struct strangers *s = strangers_new();
	struct sockaddr_storage from;
	struct addr a = lab_addr("2001:db8::1");
	unsigned sent = 0;

	(void)state;
	for (uint32_t i = 0; i < 400000; i++) {
		wire_put32(a.bytes + 2, i);
		sock_address(&from, &a, 1);
		sent += strangers_reply(s, (struct sockaddr *)&from, STRANGER_ERROR, SECOND_NS) == STRANGER_SEND;
	}
	assert_in_range(sent, 1, STRANGER_NETWORKS * STRANGER_ERRORS_PER_S);
	strangers_free(s);
}

/* Counters say what was sent. */
static void counted_as_sent(void **state)
{
	uint64_t bytes = 0, replies = 0;

	(void)state;
	lab.responder.strangers = strangers_new();
	for (unsigned i = 0; i < 1000; i++) {
		size_t got = ask("203.0.113.5", "example.com", TYPE_A, 0, RESPOND_UDP);
		bytes += got;
		replies += got > 0;
	}
	assert_int_equal(lab.counts.queries[RESPOND_UDP][0][0], 1000);
	assert_int_equal(lab.counts.replies[RCODE_REFUSED] + lab.counts.replies[RCODE_NOERROR], replies);
	assert_int_equal(lab.counts.replies[RCODE_NOERROR], lab.counts.limited_truncated);
	assert_int_equal(lab.counts.truncated, lab.counts.limited_truncated);
	assert_int_equal(lab.counts.nodata, 0);
	assert_int_equal(lab.counts.dropped, lab.counts.limited_dropped);
	assert_int_equal(lab.counts.dropped + replies, 1000);
	assert_int_equal(lab.counts.replies_out[RESPOND_UDP].bytes, bytes);
	assert_in_range(lab.counts.replies[RCODE_REFUSED], STRANGER_ERRORS_PER_S, 20 * STRANGER_ERRORS_PER_S);
	/* A message without a question is an error like any other. */
	for (unsigned i = 0; i < 100; i++) {
		memset(query, 0, WIRE_HEADER_BYTES);
		lab_send(&lab, query, WIRE_HEADER_BYTES, RESPOND_UDP);
	}
	assert_in_range(lab.counts.replies[RCODE_FORMERR], 0, 20);
	uint64_t limited = lab.counts.limited_dropped;
	ask("10.0.0.1", "example.com", TYPE_A, 0, RESPOND_UDP); /* whom we know is not limited */
	assert_int_equal(flags() & FLAG_RCODE, RCODE_REFUSED);
	size_t length = 0;
	fresh(NULL);
	length = with_their_cookie();
	lab.responder.strangers = strangers_new();
	for (unsigned i = 0; i < 1000; i++)
		assert_true(lab_send(&lab, query, length, RESPOND_UDP) > 1100);
	assert_true(limited > 0);
	fresh(NULL);
}

/* ---- no amplification ---- */

static unsigned draw(unsigned below)
{
	return (unsigned)random() % below;
}

static size_t random_query(void)
{
	static const char *const names[] = {BIG,
					    "web.default.svc.cluster.local",
					    "nx.default.svc.cluster.local",
					    "cluster.local",
					    "example.com",
					    "",
					    "ns.dns.cluster.local",
					    "1.0.96.10.in-addr.arpa",
					    "version.bind",
					    "_http._tcp.big.default.svc.cluster.local",
					    "a.b",
					    "dns-version.cluster.local",
					    "web.default.cluster.local"};
	static const unsigned types[] = {TYPE_A,   TYPE_AAAA, TYPE_SRV,	 TYPE_ANY, TYPE_SOA, TYPE_NS,
					 TYPE_PTR, TYPE_TXT,  TYPE_AXFR, TYPE_OPT, 65280};
	uint8_t random_bytes[64];
	size_t length =
		lab_query(query, names[draw(sizeof names / sizeof *names)], types[draw(sizeof types / sizeof *types)],
			  draw(9) == 0 ? draw(256) : CLASS_IN, draw(4) == 0 ? 0 : draw(65536));

	for (unsigned i = 0; i < sizeof random_bytes; i++)
		random_bytes[i] = (uint8_t)random();
	bool edns = query[11] == 1;
	if (edns && draw(8) == 0)
		query[opt_at() + 6] = 1; /* version */
	if (edns && draw(2) == 0)
		length = add_option(length, 3, "", 0);
	if (edns && draw(2) == 0)
		length = add_option(length, 10, random_bytes, draw(4) == 0 ? draw(41) : 8);
	if (edns && draw(4) == 0)
		length = add_option(length, draw(20), random_bytes, draw(64));
	if (edns && draw(4) == 0)
		length = add_option(length, 11, "", 0);
	query[2] = draw(8) == 0 ? (uint8_t)(random() & 0x7f) : query[2];
	query[3] = (uint8_t)random();
	for (unsigned spoilt = draw(10) == 0 ? draw(4) : 0; spoilt > 0; spoilt--)
		query[WIRE_HEADER_BYTES + draw((unsigned)length - WIRE_HEADER_BYTES)] = (uint8_t)random();
	return draw(20) == 0 ? draw((unsigned)length) : length;
}

static void never_more_than_half_again(void **state)
{
	uint64_t in = 0, out = 0;

	(void)state;
	srandom(11);
	lab.config.version = "fairlead 1.2.3-45-g0123456789ab with a text of some length";
	for (unsigned i = 0; i < 300000; i++) {
		size_t length = random_query();
		size_t got = lab_send(&lab, query, length, RESPOND_UDP);
		assert_true(2 * got <= 3 * length && got <= STRANGER_BYTES_MAX);
		in += length;
		out += got;
	}
	/* There was some of everything. */
	static const unsigned rcodes[] = {RCODE_NOERROR, RCODE_FORMERR, RCODE_NXDOMAIN,
					  RCODE_NOTIMP,	 RCODE_REFUSED, RCODE_BADVERS};
	for (size_t i = 0; i < sizeof rcodes / sizeof *rcodes; i++)
		assert_true(lab.counts.replies[rcodes[i]] > 1000);
	assert_true(lab.counts.truncated > 10000);
	print_message("%.2f bytes out for each byte in\n", (double)out / (double)in);
	lab.config.version = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(large_answers_go_to_tcp, fresh),
		cmocka_unit_test_setup(at_most_512_bytes, fresh),
		cmocka_unit_test_setup(a_cookie_shows_the_address, fresh),
		cmocka_unit_test_setup(cookies_expire, fresh),
		cmocka_unit_test_setup(names_outside_are_refused, fresh),
		cmocka_unit_test_setup(rates, fresh),
		cmocka_unit_test_setup(bounded_in_all, fresh),
		cmocka_unit_test_setup(counted_as_sent, fresh),
		cmocka_unit_test_setup(never_more_than_half_again, fresh),
	};

	return cmocka_run_group_tests(tests, fill, empty);
}
