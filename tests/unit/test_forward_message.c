/* Answers of upstream servers: what is accepted and what is kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/upstream_reply.h"

static struct message m;
static uint8_t wire[65536];

static const char *read_line(const struct reply_text *t)
{
	struct question q = question_make(t->name, t->type);
	size_t length = reply_build(wire, t);

	if (message_read(&m, wire, length, &q, true) != MESSAGE_OK)
		return "not read";
	return records_line(&q, &m.records, 0, UINT32_MAX, sizeof wire);
}

static void keeps_the_answer(void **state)
{
	(void)state;
	assert_string_equal(read_line(&(struct reply_text){.name = "www.example.com",
							   .type = LDNS_RR_TYPE_A,
							   .answer = "www.example.com. 300 IN CNAME web.example.net.;"
								     "web.example.net. 60 IN A 192.0.2.1;"
								     "web.example.net. 60 IN A 192.0.2.2",
							   .authority = "example.net. 60 IN NS ns.example.net.",
							   .additional = "ns.example.net. 60 IN A 192.0.2.9"}),
			    "NOERROR: www.example.com. 300 IN CNAME web.example.net., web.example.net. 60 IN A "
			    "192.0.2.1, web.example.net. 60 IN A 192.0.2.2 /  / ");
	assert_int_equal(m.kind, KIND_POSITIVE);
	assert_int_equal(m.ttl_s, 60);
}

/* Records of other names are no part of the answer, wherever they stand. */
static void drops_what_does_not_belong(void **state)
{
	(void)state;
	assert_string_equal(read_line(&(struct reply_text){.name = "www.example.com",
							   .type = LDNS_RR_TYPE_A,
							   .answer = "bank.example. 300 IN A 192.0.2.66;"
								     "www.example.com. 60 IN A 192.0.2.1",
							   .authority = "bank.example. 60 IN NS evil.example.",
							   .additional = "bank.example. 60 IN A 192.0.2.66"}),
			    "NOERROR: www.example.com. 60 IN A 192.0.2.1 /  / ");
	assert_string_equal(read_line(&(struct reply_text){.name = "example.com",
							   .type = LDNS_RR_TYPE_MX,
							   .answer = "example.com. 60 IN MX 5 mail.example.com.",
							   .additional = "mail.example.com. 60 IN A 192.0.2.3;"
									 "bank.example. 60 IN A 192.0.2.66"}),
			    "NOERROR: example.com. 60 IN MX 5 mail.example.com. /  / mail.example.com. 60 IN A "
			    "192.0.2.3");
}

static void negative_holds_as_its_soa_says(void **state)
{
	(void)state;
	assert_string_equal(read_line(&(struct reply_text){
				    .name = "no.example.com",
				    .type = LDNS_RR_TYPE_A,
				    .rcode = LDNS_RCODE_NXDOMAIN,
				    .authority = "example.com. 3600 IN SOA ns.example.com. h.example.com. 1 2 3 4 17"}),
			    "NXDOMAIN:  / example.com. 3600 IN SOA ns.example.com. h.example.com. 1 2 3 4 17 / ");
	assert_int_equal(m.kind, KIND_NXDOMAIN);
	assert_true(m.soa);
	assert_int_equal(m.ttl_s, 17);
	read_line(&(struct reply_text){.name = "no.example.com",
				       .type = LDNS_RR_TYPE_A,
				       .authority = "bank.example. 3600 IN SOA a.b. c.d. 1 2 3 4 17"});
	assert_int_equal(m.kind, KIND_NODATA);
	assert_false(m.soa);
	assert_int_equal(m.ttl_s, 0);
}

/* RFC 3597 3, 4: bytes that look like a pointer are none; in a type that may be compressed they are. */
static void unknown_types_pass(void **state)
{
	(void)state;
	assert_string_equal(read_line(&(struct reply_text){.name = "x.example",
							   .type = 65280,
							   .answer = "x.example. 60 IN TYPE65280 \\# 4 c00c0001"}),
			    "NOERROR: x.example. 60 IN TYPE65280 \\# 4 c00c0001 /  / ");
	assert_string_equal(read_line(&(struct reply_text){.name = "x.example",
							   .type = LDNS_RR_TYPE_MX,
							   .answer = "x.example. 60 IN MX 5 y.x.example."}),
			    "NOERROR: x.example. 60 IN MX 5 y.x.example. /  / ");
}

static void ttl_without_the_highest_bit(void **state)
{
	(void)state;
	read_line(&(struct reply_text){
		.name = "x.example", .type = LDNS_RR_TYPE_A, .answer = "x.example. 2147483649 IN A 192.0.2.1"});
	assert_int_equal(m.ttl_s, 0);
}

static void checks_the_question(void **state)
{
	const struct reply_text t = {
		.name = "www.example.com", .type = LDNS_RR_TYPE_A, .answer = "www.example.com. 60 IN A 192.0.2.1"};
	struct question q = question_make("wWw.example.COM", TYPE_A), other = question_make("www.example.org", TYPE_A),
			type = question_make("www.example.com", TYPE_AAAA);
	size_t length = reply_build(wire, &t);

	(void)state;
	assert_int_equal(message_read(&m, wire, length, &q, true), MESSAGE_CASE);
	assert_int_equal(message_read(&m, wire, length, &q, false), MESSAGE_OK);
	assert_int_equal(message_read(&m, wire, length, &other, false), MESSAGE_UNRELATED);
	assert_int_equal(message_read(&m, wire, length, &type, false), MESSAGE_UNRELATED);
	wire[2] &= 0x7f;
	assert_int_equal(message_read(&m, wire, length, &q, false), MESSAGE_UNRELATED);
}

/* Every cut of a good message is broken, none reads behind its end (the sanitizers look). */
static void cut_anywhere(void **state)
{
	const struct reply_text t = {.name = "a.example",
				     .type = LDNS_RR_TYPE_MX,
				     .answer = "a.example. 60 IN MX 5 m.example.",
				     .additional = "m.example. 60 IN AAAA fd00::1"};
	struct question q = question_make("a.example", TYPE_MX);
	size_t length = reply_build(wire, &t);

	(void)state;
	for (size_t i = 0; i < length; i++) {
		uint8_t *copy = malloc(i + 1);
		memcpy(copy, wire, i);
		assert_int_not_equal(message_read(&m, copy, i, &q, true), MESSAGE_OK);
		free(copy);
	}
}

/* A pointer at itself, and two that point at each other. */
static void circles_end(void **state)
{
	struct question q = question_make("a.example", TYPE_A);
	size_t length = WIRE_HEADER_BYTES + q.length;
	static const uint8_t self[] = "\xc0\x1b\0\1\0\1\0\0\0\0\0\4\1\2\3\4";

	(void)state;
	assert_int_equal(length, 0x1b);
	memset(wire, 0, WIRE_HEADER_BYTES);
	wire[2] = 0x80, wire[5] = 1, wire[7] = 1;
	memcpy(wire + WIRE_HEADER_BYTES, q.bytes, q.length);
	memcpy(wire + length, self, 16);
	assert_int_equal(message_read(&m, wire, length + 16, &q, true), MESSAGE_BROKEN);
	wire[length + 1] = 0x1d;
	assert_int_equal(message_read(&m, wire, length + 16, &q, true), MESSAGE_BROKEN);
}

static void cut_to_whole_records(void **state)
{
	struct question q = question_make("x.example", TYPE_A);
	const struct reply_text t = {.name = "x.example",
				     .type = LDNS_RR_TYPE_A,
				     .answer = "x.example. 60 IN A 192.0.2.1;x.example. 60 IN A 192.0.2.2"};

	(void)state;
	read_line(&t);
	size_t start = WIRE_HEADER_BYTES + q.length;
	assert_string_equal(records_line(&q, &m.records, 10, UINT32_MAX, start + 16),
			    "NOERROR tc: x.example. 50 IN A 192.0.2.1 /  / ");
	assert_string_equal(records_line(&q, &m.records, 70, 30, start + 15), "NOERROR tc:  /  / ");
	assert_string_equal(records_line(&q, &m.records, 10, 30, start + 32),
			    "NOERROR: x.example. 30 IN A 192.0.2.1, x.example. 30 IN A 192.0.2.2 /  / ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_the_answer),
		cmocka_unit_test(drops_what_does_not_belong),
		cmocka_unit_test(negative_holds_as_its_soa_says),
		cmocka_unit_test(unknown_types_pass),
		cmocka_unit_test(ttl_without_the_highest_bit),
		cmocka_unit_test(checks_the_question),
		cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(circles_end),
		cmocka_unit_test(cut_to_whole_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
