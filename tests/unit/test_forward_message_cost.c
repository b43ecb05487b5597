/* Replies that are made to be slow to read: no more than a stated multiple of an ordinary reply of the same size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "dns/forward/message.h"
#include "tests/unit/cpu_clock.h"

#define LONG_LABELS 120 /* of one letter each, in front of what differs */
#define TIMES_MAX 40
#define RRSIG 46

static struct message m;

struct hostile {
	uint8_t wire[WIRE_MESSAGE_BYTES];
	size_t length;
	unsigned answers;
	struct question q;
};

static void put(struct hostile *h, const void *bytes, size_t length)
{
	memcpy(h->wire + h->length, bytes, length);
	h->length += length;
}

static void put16(struct hostile *h, unsigned value)
{
	wire_put16(h->wire + h->length, value);
	h->length += 2;
}

/* "a.a. … .a.NNN." */
static size_t long_name(uint8_t *to, unsigned number)
{
	char end[8];
	size_t at = 0;

	for (unsigned i = 0; i < LONG_LABELS; i++) {
		to[at++] = 1;
		to[at++] = 'a';
	}
	int n = snprintf(end, sizeof end, "%03u", number);
	to[at++] = (uint8_t)n;
	memcpy(to + at, end, (size_t)n);
	at += (size_t)n;
	to[at++] = 0;
	return at;
}

static void begin(struct hostile *h, const uint8_t *name, size_t length, unsigned type)
{
	*h = (struct hostile){.length = WIRE_HEADER_BYTES, .q = {.type = (uint16_t)type, .dnssec_ok = true}};
	h->wire[2] = 0x80;
	h->wire[5] = 1;
	memcpy(h->q.bytes, name, length);
	wire_put16(h->q.bytes + length, type);
	wire_put16(h->q.bytes + length + 2, CLASS_IN);
	h->q.length = length + 4;
	put(h, h->q.bytes, h->q.length);
}

static void record(struct hostile *h, size_t owner_at, unsigned type, const uint8_t *data, size_t length)
{
	put16(h, 0xc000 | (unsigned)owner_at);
	put16(h, type);
	put16(h, CLASS_IN);
	put16(h, 0);
	put16(h, 60);
	put16(h, (unsigned)length);
	put(h, data, length);
	h->answers++;
}

static void fill(struct hostile *h, size_t owner_at, unsigned type)
{
	static const uint8_t address[4] = {192, 0, 2, 1};
	const size_t data_bytes = type == TYPE_A ? 4 : 0;

	while (h->length + 12 + data_bytes <= sizeof h->wire && h->answers < MESSAGE_RECORDS_MAX)
		record(h, owner_at, type, address, data_bytes);
	wire_put16(h->wire + 6, h->answers);
}

/* An alias to a long name, and on and on; returns where the last name stands. */
static size_t aliases(struct hostile *h, unsigned count)
{
	uint8_t name[NAME_BYTES];
	size_t owner_at = WIRE_HEADER_BYTES;

	for (unsigned i = 0; i < count; i++) {
		size_t length = long_name(name, i);
		record(h, owner_at, TYPE_CNAME, name, length);
		owner_at = h->length - length;
	}
	return owner_at;
}

static uint64_t read_ns(const struct hostile *h)
{
	uint64_t best_ns = UINT64_MAX;

	for (unsigned i = 0; i < 5; i++) {
		uint64_t start_ns = cpu_ns();
		assert_int_not_equal(message_read(&m, h->wire, h->length, &h->q, true), MESSAGE_UNRELATED);
		uint64_t ns = cpu_ns() - start_ns;
		best_ns = ns < best_ns ? ns : best_ns;
	}
	return best_ns;
}

static void expect_bounded(const char *what, const struct hostile *h)
{
	static struct hostile ordinary;

	begin(&ordinary, (const uint8_t *)"\7example", 9, TYPE_A);
	fill(&ordinary, WIRE_HEADER_BYTES, TYPE_A);
	uint64_t ordinary_ns = read_ns(&ordinary), ns = read_ns(h);
	print_message("%s: %.1f times an ordinary reply\n", what, (double)ns / (double)ordinary_ns);
	assert_true(ns < TIMES_MAX * ordinary_ns);
}

static struct hostile h;

static void owners_that_differ_at_their_end(void **state)
{
	uint8_t name[NAME_BYTES];

	(void)state;
	begin(&h, name, long_name(name, 999), TYPE_A);
	fill(&h, aliases(&h, 31), TYPE_A);
	expect_bounded("addresses behind long aliases", &h);
}

static void signatures_above_nothing(void **state)
{
	uint8_t name[NAME_BYTES];

	(void)state;
	begin(&h, name, long_name(name, 999), TYPE_A);
	aliases(&h, 31);
	size_t length = long_name(name, 998);
	record(&h, WIRE_HEADER_BYTES, 65280, name, length);
	fill(&h, h.length - length + 20, RRSIG); /* an end of it */
	expect_bounded("signatures of other names", &h);
}

static void pointers_to_pointers(void **state)
{
	static uint8_t ladder[8000];
	size_t at;

	(void)state;
	begin(&h, (const uint8_t *)"\7example", 9, TYPE_A);
	at = h.length + 12;
	for (size_t i = 0; i < sizeof ladder; i += 2)
		wire_put16(ladder + i, 0xc000 | (unsigned)(i == 0 ? WIRE_HEADER_BYTES : at + i - 2));
	record(&h, WIRE_HEADER_BYTES, 65280, ladder, sizeof ladder);
	fill(&h, at + sizeof ladder - 2, TYPE_A);
	expect_bounded("pointers to pointers", &h);
	assert_int_equal(message_read(&m, h.wire, h.length, &h.q, true), MESSAGE_BROKEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(owners_that_differ_at_their_end),
		cmocka_unit_test(signatures_above_nothing),
		cmocka_unit_test(pointers_to_pointers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
