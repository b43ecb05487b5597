/* Queries and replies as whole messages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Message level (dns.md B.5, column "Better"): flags, errors, EDNS, cutting, order. */
#include "dns/forward/forward.h"
#include "dns/zone/rcu.h"
#include "tests/unit/dns_lab.h"

static struct lab lab;
static uint8_t query[1024];
static const char web[] = "web.default.svc.cluster.local";

static int fill(void **state)
{
	struct service *many;

	(void)state;
	lab_init(&lab);
	lab_put(&lab, lab_cluster_ip("default", "web", "10.96.0.1", "http:tcp:80", ""));
	lab_put(&lab, lab_headless("default", "three", "http:tcp:80", "10.0.0.1 10.0.0.2 10.0.0.3", 0));
	lab_put(&lab, lab_headless("default", "gone", "http:tcp:80", "", 3));
	many = lab_big(100);
	lab_put(&lab, many);
	return 0;
}

static int empty(void **state)
{
	(void)state;
	lab_fini(&lab);
	return 0;
}

static size_t send_query(const char *name, unsigned type, unsigned class, unsigned edns, enum respond_proto proto)
{
	size_t length = lab_query(query, name, type, class, edns);

	return lab_send(&lab, query, length, proto);
}

/* Appends an option to the OPT record that ends the query. */
static size_t add_option(size_t length, unsigned code, const void *data, unsigned data_bytes)
{
	size_t opt = length - 11;

	wire_put16(query + length, code);
	wire_put16(query + length + 2, data_bytes);
	memcpy(query + length + 4, data, data_bytes);
	wire_put16(query + opt + 9, 4 + data_bytes);
	return length + 4 + data_bytes;
}

static void header_flags(void **state)
{
	(void)state;
	send_query(web, TYPE_A, CLASS_IN, 0, RESPOND_UDP);
	assert_int_equal(wire_get16(lab.reply), 0x1234);
	assert_int_equal(lab_flags(&lab), FLAG_QR | FLAG_AA | FLAG_RD | FLAG_RA);
	size_t length = lab_query(query, web, TYPE_A, CLASS_IN, 0);
	wire_put16(query + 2, FLAG_CD | 0x0020 /* AD */);
	lab_send(&lab, query, length, RESPOND_UDP);
	assert_int_equal(lab_flags(&lab), FLAG_QR | FLAG_AA | FLAG_RA | FLAG_CD);
	send_query("example.com", TYPE_A, CLASS_IN, 0, RESPOND_UDP);
	assert_int_equal(lab_flags(&lab), FLAG_QR | FLAG_RD | FLAG_RA | RCODE_REFUSED);
}

static void question_and_owner_keep_their_case(void **state)
{
	static const char mixed[] = "wEb.DeFault.svc.Cluster.LOCAL";

	(void)state;
	size_t length = lab_query(query, mixed, TYPE_A, CLASS_IN, 0);
	lab_send(&lab, query, length, RESPOND_UDP);
	assert_memory_equal(lab.reply + WIRE_HEADER_BYTES, query + WIRE_HEADER_BYTES, length - WIRE_HEADER_BYTES);
	assert_int_equal(wire_get16(lab.reply + length), 0xc000 | WIRE_HEADER_BYTES);
	assert_int_equal(lab.reply_bytes, length + 16);
}

static void never_answers_a_response(void **state)
{
	(void)state;
	size_t length = lab_query(query, web, TYPE_A, CLASS_IN, 0);
	query[2] |= 0x80;
	assert_int_equal(lab_send(&lab, query, length, RESPOND_UDP), 0);
	assert_int_equal(lab_send(&lab, query, WIRE_HEADER_BYTES - 1, RESPOND_UDP), 0);
	assert_int_equal(lab_send(&lab, query, 0, RESPOND_UDP), 0);
}

static void opcodes(void **state)
{
	(void)state;
	for (unsigned opcode = 1; opcode < 16; opcode++) {
		size_t length = lab_query(query, web, TYPE_A, CLASS_IN, 0);
		wire_put16(query + 2, opcode << 11);
		assert_int_equal(lab_send(&lab, query, length, RESPOND_UDP), WIRE_HEADER_BYTES);
		assert_int_equal(lab_flags(&lab), FLAG_QR | opcode << 11 | FLAG_RA | RCODE_NOTIMP);
	}
}

static void malformed(void **state)
{
	(void)state;
	size_t length = lab_query(query, web, TYPE_A, CLASS_IN, 0);
	for (unsigned count = 0; count < 3; count += 2) { /* no question, two */
		query[5] = (uint8_t)count;
		assert_int_equal(lab_send(&lab, query, length, RESPOND_UDP), WIRE_HEADER_BYTES);
		assert_int_equal(lab_flags(&lab) & FLAG_RCODE, RCODE_FORMERR);
	}
	query[5] = 1;
	for (size_t cut = WIRE_HEADER_BYTES; cut < length; cut++) {
		lab_send(&lab, query, cut, RESPOND_UDP);
		assert_int_equal(lab_flags(&lab) & FLAG_RCODE, RCODE_FORMERR);
	}
	query[length] = 0; /* a byte behind the end */
	lab_send(&lab, query, length + 1, RESPOND_UDP);
	assert_int_equal(lab_flags(&lab) & FLAG_RCODE, RCODE_FORMERR);
	send_query(web, TYPE_OPT, CLASS_IN, 0, RESPOND_UDP);
	assert_int_equal(lab_flags(&lab) & FLAG_RCODE, RCODE_FORMERR);
}

static void classes(void **state)
{
	static const unsigned others[] = {CLASS_CH, 4, 254, 255};

	(void)state;
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		send_query(web, TYPE_A, others[i], 0, RESPOND_UDP);
		assert_string_equal(lab_line(&lab), "REFUSED: / /");
	}
}

static void chaos_names(void **state)
{
	(void)state;
	send_query("version.bind", TYPE_TXT, CLASS_CH, 0, RESPOND_UDP);
	assert_string_equal(lab_line(&lab), "REFUSED: / /");
	lab.config.version = "fairlead";
	lab.config.identity = "node-1";
	send_query("VERSION.bind", TYPE_TXT, CLASS_CH, 0, RESPOND_UDP);
	assert_string_equal(lab_line(&lab), "NOERROR: VERSION.bind. TXT \"fairlead\" / /");
	send_query("id.server", TYPE_TXT, CLASS_CH, 0, RESPOND_UDP);
	assert_string_equal(lab_line(&lab), "NOERROR: id.server. TXT \"node-1\" / /");
	send_query("id.server", TYPE_A, CLASS_CH, 0, RESPOND_UDP);
	assert_string_equal(lab_line(&lab), "REFUSED: / /");
	lab.config.version = lab.config.identity = NULL;
}

static void transfers_refused(void **state)
{
	(void)state;
	assert_string_equal(lab_ask(&lab, "cluster.local", "AXFR"), "REFUSED: / /");
	assert_string_equal(lab_ask(&lab, "cluster.local", "IXFR"), "REFUSED: / /");
}

static void edns_basics(void **state)
{
	(void)state;
	size_t plain = send_query(web, TYPE_A, CLASS_IN, 0, RESPOND_UDP);
	assert_int_equal(send_query(web, TYPE_A, CLASS_IN, 4096, RESPOND_UDP), plain + 11);
	const uint8_t *opt = lab.reply + plain;
	assert_memory_equal(opt, "\0\0\51\4\320\0\0\0\0\0\0", 11); /* 1232 bytes, version 0 */

	size_t length = lab_query(query, web, TYPE_A, CLASS_IN, 100);
	query[length - 4] = 0x80; /* DO is copied */
	query[length - 3] = 0x55; /* other flags are not */
	lab_send(&lab, query, length, RESPOND_UDP);
	assert_memory_equal(lab.reply + plain, "\0\0\51\4\320\0\0\200\0\0\0", 11);

	query[length - 5] = 1; /* version */
	lab_send(&lab, query, length, RESPOND_UDP);
	assert_int_equal(lab_flags(&lab) & (FLAG_RCODE | FLAG_AA), 0);
	assert_int_equal(wire_get16(lab.reply + 6), 0);
	assert_int_equal(lab.reply[lab.reply_bytes - 6], 1); /* BADVERS is 16 */
}

static void edns_malformed(void **state)
{
	(void)state;
	size_t length = lab_query(query, web, TYPE_A, CLASS_IN, 1232);
	memcpy(query + length, query + length - 11, 11);
	query[11] = 2; /* two OPT records */
	lab_send(&lab, query, length + 11, RESPOND_UDP);
	assert_int_equal(lab_flags(&lab) & FLAG_RCODE, RCODE_FORMERR);

	length = lab_query(query, web, TYPE_A, CLASS_IN, 1232);
	length = add_option(length, 10, "1234567", 7); /* a cookie of no legal length */
	lab_send(&lab, query, length, RESPOND_UDP);
	assert_int_equal(lab_flags(&lab) & FLAG_RCODE, RCODE_FORMERR);

	length = lab_query(query, web, TYPE_A, CLASS_IN, 1232);
	length = add_option(length, 3, "xx", 2);
	query[length - 3] = 9; /* the option is longer than the record */
	lab_send(&lab, query, length, RESPOND_UDP);
	assert_int_equal(lab_flags(&lab) & FLAG_RCODE, RCODE_FORMERR);
}

static void cookies(void **state)
{
	(void)state;
	size_t length = lab_query(query, web, TYPE_A, CLASS_IN, 1232);
	size_t without = lab_send(&lab, query, length, RESPOND_UDP);
	size_t with = add_option(length, 10, "clientck", 8);
	assert_int_equal(lab_send(&lab, query, with, RESPOND_UDP), without + 28);
	assert_memory_equal(lab.reply + without, "\0\12\0\30clientck\1\0\0\0", 16);
	with = add_option(length, 10, "clientckwrongwrongwrong!", 24); /* served like a new client */
	lab_send(&lab, query, with, RESPOND_UDP);
	assert_memory_equal(lab.reply + without, "\0\12\0\30clientck\1\0\0\0", 16);
	assert_int_equal(lab_flags(&lab) & FLAG_RCODE, RCODE_NOERROR);
}

static void nsid_and_keepalive(void **state)
{
	(void)state;
	size_t length = lab_query(query, web, TYPE_A, CLASS_IN, 1232);
	size_t without = lab_send(&lab, query, length, RESPOND_TCP);
	size_t with = add_option(length, 3, "", 0);
	assert_int_equal(lab_send(&lab, query, with, RESPOND_UDP), without);
	snprintf(lab.config.edns.nsid, sizeof lab.config.edns.nsid, "node-1");
	assert_int_equal(lab_send(&lab, query, with, RESPOND_UDP), without + 10);
	assert_memory_equal(lab.reply + without, "\0\3\0\6node-1", 10);
	lab.config.edns.nsid[0] = '\0';
	lab.config.edns.tcp_idle_ms = 10000;
	with = add_option(length, 11, "", 0);
	assert_int_equal(lab_send(&lab, query, with, RESPOND_UDP), without); /* only over TCP (RFC 7828) */
	assert_int_equal(lab_send(&lab, query, with, RESPOND_TCP), without + 6);
	assert_memory_equal(lab.reply + without, "\0\13\0\2\0\144", 6);
}

static void says_why(void **state)
{
	static const char text[] = "0 of 3 endpoints ready";

	(void)state;
	send_query("gone.default.svc.cluster.local", TYPE_A, CLASS_IN, 1232, RESPOND_UDP);
	assert_int_equal(lab_flags(&lab) & FLAG_RCODE, RCODE_NXDOMAIN);
	assert_memory_equal(lab.reply + lab.reply_bytes - sizeof text - 5, "\0\17\0\30\0\0", 6);
	assert_memory_equal(lab.reply + lab.reply_bytes - sizeof text + 1, text, sizeof text - 1);
	size_t plain = send_query("gone.default.svc.cluster.local", TYPE_A, CLASS_IN, 0, RESPOND_UDP);
	assert_null(memmem(lab.reply, plain, text, sizeof text - 1));
}

static unsigned answers(void)
{
	return wire_get16(lab.reply + 6);
}

static void cut_to_what_fits(void **state)
{
	static const char big[] = "big.default.svc.cluster.local";

	(void)state;
	assert_true(send_query(big, TYPE_A, CLASS_IN, 0, RESPOND_UDP) <= 512);
	assert_true((lab_flags(&lab) & FLAG_TC) != 0);
	assert_int_equal(answers(), 29);
	assert_true(send_query(big, TYPE_A, CLASS_IN, 1232, RESPOND_UDP) <= 1232);
	assert_true((lab_flags(&lab) & FLAG_TC) != 0);
	assert_int_equal(answers(), 73);
	assert_true(send_query(big, TYPE_A, CLASS_IN, 65535, RESPOND_UDP) <= 1232);
	assert_true((lab_flags(&lab) & FLAG_TC) != 0);
	assert_true(send_query(big, TYPE_A, CLASS_IN, 600, RESPOND_UDP) <= 600);
	send_query(big, TYPE_SRV, CLASS_IN, 1232, RESPOND_UDP);
	assert_true((lab_flags(&lab) & FLAG_TC) != 0);
	assert_int_equal(wire_get16(lab.reply + 10), 1); /* no addresses, only OPT */
	assert_non_null(lab_line(&lab));
	send_query(big, TYPE_A, CLASS_IN, 0, RESPOND_TCP);
	assert_int_equal(lab_flags(&lab) & FLAG_TC, 0);
	assert_int_equal(answers(), 100);
	send_query(big, TYPE_SRV, CLASS_IN, 0, RESPOND_TCP);
	assert_int_equal(answers(), 100);
	assert_int_equal(wire_get16(lab.reply + 10), 100);
	assert_non_null(lab_line(&lab));
}

static void order_rotates(void **state)
{
	static const char *const turns[] = {
		"NOERROR aa: three.default.~ A 10.0.0.1, three.default.~ A 10.0.0.2, three.default.~ A 10.0.0.3 / /",
		"NOERROR aa: three.default.~ A 10.0.0.2, three.default.~ A 10.0.0.3, three.default.~ A 10.0.0.1 / /",
		"NOERROR aa: three.default.~ A 10.0.0.3, three.default.~ A 10.0.0.1, three.default.~ A 10.0.0.2 / /"};

	(void)state;
	lab.responder.rotation = 0;
	for (unsigned i = 0; i < 6; i++)
		assert_string_equal(lab_ask(&lab, "three.default.svc.cluster.local", "A"), turns[0]);
	lab.config.fixed_order = false;
	for (unsigned i = 0; i < 6; i++)
		assert_string_equal(lab_ask(&lab, "three.default.svc.cluster.local", "A"), turns[i % 3]);
	lab.config.fixed_order = true;
}

/* TTLs of records, of the SOA and its minimum. */
static void ttls(void **state)
{
	(void)state;
	size_t length = lab_query(query, web, TYPE_A, CLASS_IN, 0);
	lab_send(&lab, query, length, RESPOND_UDP);
	assert_int_equal(wire_get32(lab.reply + length + 6), 5);
	length = lab_query(query, web, TYPE_AAAA, CLASS_IN, 0);
	lab_send(&lab, query, length, RESPOND_UDP);
	assert_int_equal(wire_get32(lab.reply + length + 6), 7);
	assert_int_equal(wire_get32(lab.reply + lab.reply_bytes - 4), 7);
}

static void counted(void **state)
{
	struct lab l;

	(void)state;
	lab_init(&l);
	lab_put(&l, lab_cluster_ip("default", "web", "10.96.0.1", "", ""));
	lab_ask(&l, web, "A");
	lab_ask(&l, web, "AAAA");
	lab_ask(&l, "nx.default.svc.cluster.local", "A");
	lab_send(&l, "x", 1, RESPOND_UDP);
	assert_int_equal(l.counts.queries[RESPOND_TCP][0][0], 2);
	assert_int_equal(l.counts.queries[RESPOND_TCP][0][1], 1);
	assert_int_equal(l.counts.replies[RCODE_NOERROR], 2);
	assert_int_equal(l.counts.replies[RCODE_NXDOMAIN], 1);
	assert_int_equal(l.counts.nodata, 1);
	assert_int_equal(l.counts.dropped, 1);
	lab_fini(&l);
}

/* What is ours, malformed or of another class never goes to an upstream server. */
static void names_outside_are_forwarded(void **state)
{
	static const struct {
		const char *name;
		unsigned type, class;
		enum respond_verdict verdict;
	} rows[] = {
		{"example.com", TYPE_A, CLASS_IN, RESPOND_FORWARD},
		{"1.1.1.1.in-addr.arpa", TYPE_PTR, CLASS_IN, RESPOND_FORWARD},
		{"nx.default.svc.cluster.local", TYPE_A, CLASS_IN, RESPOND_REPLY},
		{"example.com", TYPE_AXFR, CLASS_IN, RESPOND_REPLY},
		{"example.com", TYPE_TXT, CLASS_CH, RESPOND_REPLY},
	};
	static const struct forward_plan plan = {.count = 1,
						 .to = {{.at = {.addr = {AF_INET, {127, 0, 0, 1}}, .port = 9}}}};
	struct lab l;

	(void)state;
	lab_init(&l);
	struct forward *forward =
		forward_new(&(struct forward_config){.plan = &plan, .timeout_ms = 1000, .edns = &l.config.edns});
	struct forward_port *port = forward_port(forward, NULL, NULL); /* a ring that no thread empties */
	for (size_t i = 0; i < 2 * sizeof rows / sizeof *rows; i++) {
		l.responder.port = i % 2 == 1 ? port : NULL;
		lab_send(&l, query, lab_query(query, rows[i / 2].name, rows[i / 2].type, rows[i / 2].class, 1232),
			 RESPOND_UDP);
		assert_int_equal(l.verdict, i % 2 == 1 ? rows[i / 2].verdict : RESPOND_REPLY);
	}
	forward_free(forward);
	rcu_writer_begin();
	l.responder.port = NULL;
	l.counts = (struct respond_counts){0};
	lab_send(&l, query, lab_query(query, "example.com", TYPE_A, CLASS_IN, 0), RESPOND_UDP);
	assert_string_equal(lab_line(&l), "REFUSED: / /");
	assert_int_equal(l.counts.queries[RESPOND_UDP][0][0], 1);
	assert_int_equal(l.counts.replies[RCODE_REFUSED], 1);
	lab_send(&l, query, WIRE_HEADER_BYTES - 1, RESPOND_UDP);
	assert_int_equal(l.verdict, RESPOND_DROP);
	lab_fini(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_flags),	 cmocka_unit_test(question_and_owner_keep_their_case),
		cmocka_unit_test(opcodes),	 cmocka_unit_test(never_answers_a_response),
		cmocka_unit_test(malformed),	 cmocka_unit_test(classes),
		cmocka_unit_test(chaos_names),	 cmocka_unit_test(transfers_refused),
		cmocka_unit_test(edns_basics),	 cmocka_unit_test(edns_malformed),
		cmocka_unit_test(cookies),	 cmocka_unit_test(nsid_and_keepalive),
		cmocka_unit_test(says_why),	 cmocka_unit_test(cut_to_what_fits),
		cmocka_unit_test(order_rotates), cmocka_unit_test(ttls),
		cmocka_unit_test(counted),	 cmocka_unit_test(names_outside_are_forwarded),
	};

	return cmocka_run_group_tests(tests, fill, empty);
}
