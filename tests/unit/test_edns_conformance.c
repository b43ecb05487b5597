/* Demands of RFCs on EDNS and cookies; docs/dns-conformance.md says which test shows what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/dns_lab.h"

#define S ".default.svc.cluster.local"
#define OPT_BYTES 11

static struct lab lab;
static uint8_t query[2048];

static int fill(void **state)
{

	(void)state;
	lab_init(&lab);
	lab_put(&lab, lab_cluster_ip("default", "web", "10.96.0.1", "http:tcp:80", ""));
	lab_put(&lab, lab_big(100));
	return 0;
}

static int empty(void **state)
{
	(void)state;
	lab_fini(&lab);
	return 0;
}

/* RFC 6891 6.1.1 */
static void opt_once_at_the_root(void **state)
{
	(void)state;
	for (unsigned section = 0; section < 2; section++) { /* in the answer or authority section */
		size_t length = lab_query(query, "web" S, TYPE_A, CLASS_IN, 1232);
		query[11] = 0;
		query[7 + 2 * section] = 1;
		lab_send(&lab, query, length, RESPOND_UDP);
		assert_int_equal(lab_rcode(&lab), RCODE_FORMERR);
	}
	size_t plain = lab_query(query, "web" S, TYPE_A, CLASS_IN, 0);
	memcpy(query + plain, "\1x\0\0\51\4\320\0\0\0\0\0\0", 13); /* owner "x" */
	query[11] = 1;
	lab_send(&lab, query, plain + 13, RESPOND_UDP);
	assert_int_equal(lab_rcode(&lab), RCODE_FORMERR);
	/* Behind another additional record it is as good as alone. */
	memcpy(query + plain, "\0\0\1\0\1\0\0\0\0\0\4\1\2\3\4", 15);
	memcpy(query + plain + 15, "\0\0\51\4\320\0\0\0\0\0\0", OPT_BYTES);
	query[11] = 2;
	lab_send(&lab, query, plain + 15 + OPT_BYTES, RESPOND_UDP);
	assert_int_equal(lab_rcode(&lab), RCODE_NOERROR);
	assert_int_equal(wire_get16(lab.reply + 10), 1);
}

/* RFC 6891 6.2.3 */
static void small_sizes_are_512(void **state)
{
	(void)state;
	size_t plain = lab_send(&lab, query, lab_query(query, "big" S, TYPE_A, CLASS_IN, 512), RESPOND_UDP);
	for (unsigned size = 1; size < 512; size += 73) {
		lab_send(&lab, query, lab_query(query, "big" S, TYPE_A, CLASS_IN, size), RESPOND_UDP);
		assert_int_equal(lab.reply_bytes, plain);
	}
}

static size_t add_option(size_t length, unsigned code, const void *data, unsigned bytes)
{
	size_t opt = length - OPT_BYTES;

	wire_put16(query + length, code);
	wire_put16(query + length + 2, bytes);
	memcpy(query + length + 4, data, bytes);
	wire_put16(query + opt + 9, 4 + bytes);
	return length + 4 + bytes;
}

/* RFC 6891 6.1.2, of any length. */
static void unknown_options_are_ignored(void **state)
{
	static const uint8_t zeros[1000];

	(void)state;
	size_t length = lab_query(query, "web" S, TYPE_A, CLASS_IN, 1232);
	size_t without = lab_send(&lab, query, length, RESPOND_UDP);
	for (unsigned code = 0; code < 65536; code += code < 40 ? 1 : 397) {
		if (code == 10)
			continue; /* a cookie must be one */
		size_t with = add_option(length, code, zeros, code % 2 == 0 ? 0 : 1000);
		assert_int_equal(lab_send(&lab, query, with, RESPOND_UDP), without);
		assert_int_equal(lab_rcode(&lab), RCODE_NOERROR);
	}
}

/* RFC 7873 5.2.2 */
static void cookie_lengths(void **state)
{
	static const uint8_t zeros[64];

	(void)state;
	for (unsigned bytes = 0; bytes < sizeof zeros; bytes++) {
		size_t length = lab_query(query, "web" S, TYPE_A, CLASS_IN, 1232);
		lab_send(&lab, query, add_option(length, 10, zeros, bytes), RESPOND_UDP);
		bool good = bytes == 8 || (bytes >= 16 && bytes <= 40);
		assert_int_equal(lab_rcode(&lab), good ? RCODE_NOERROR : RCODE_FORMERR);
	}
}

/* RFC 7873 5.4: a header, no question, an OPT record with a client cookie. */
static void cookie_without_a_question(void **state)
{
	static const uint8_t message[] = "\x12\x34\1\0\0\0\0\0\0\0\0\1"
					 "\0\0\51\4\320\0\0\0\0\0\14\0\12\0\10clientck";

	(void)state;
	assert_int_equal(lab_send(&lab, message, sizeof message - 1, RESPOND_UDP), 12 + OPT_BYTES + 28);
	assert_int_equal(lab_flags(&lab), FLAG_QR | FLAG_RD | FLAG_RA);
	assert_memory_equal(lab.reply + 4, "\0\0\0\0\0\0\0\1", 8);
	assert_memory_equal(lab.reply + 12 + OPT_BYTES, "\0\12\0\30clientck\1\0\0\0", 16);
	memcpy(query, message, sizeof message);
	query[22] = 0; /* the same without the cookie: what is it for? */
	query[11] = 1;
	lab_send(&lab, query, 12 + OPT_BYTES, RESPOND_UDP);
	assert_int_equal(lab_rcode(&lab), RCODE_FORMERR);
	lab_send(&lab, message, 12, RESPOND_UDP);
	assert_int_equal(lab_rcode(&lab), RCODE_FORMERR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opt_once_at_the_root),	       cmocka_unit_test(small_sizes_are_512),
		cmocka_unit_test(unknown_options_are_ignored), cmocka_unit_test(cookie_lengths),
		cmocka_unit_test(cookie_without_a_question),
	};

	return cmocka_run_group_tests(tests, fill, empty);
}
