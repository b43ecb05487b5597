/* Whatever an upstream sends: what our reader accepts and writes anew, ldns reads as a good message. */
#include <stdlib.h>
#include <string.h>

#include "dns/forward/cookie.h"
#include "dns/forward/message.h"
#include "tests/unit/upstream_reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A cookie of ours, and one that another server has answered to. What is kept of the reply fits. */
static void check_cookie(const struct message *m, bool ours, bool is_stream)
{
	struct cookie c;

	cookie_init(&c);
	if (ours)
		memcpy(c.bytes, m->cookie, COOKIE_CLIENT_BYTES);
	const enum cookie_verdict verdict = cookie_check(&c, m, is_stream);
	if (c.length > sizeof c.bytes || (c.length != 0 && c.length < COOKIE_CLIENT_BYTES) ||
	    (c.length == 0) != (verdict == COOKIE_REFUSED))
		abort();
	if (verdict == COOKIE_FINE && c.length > COOKIE_CLIENT_BYTES && memcmp(c.bytes, m->cookie, c.length) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct message m;
	static const unsigned types[] = {TYPE_A, TYPE_MX, TYPE_SRV, TYPE_HTTPS, TYPE_ANY, TYPE_NS, TYPE_SOA, 35};
	static uint8_t out[WIRE_MESSAGE_BYTES];

	if (size < 1)
		return 0;
	struct question q = question_make("www.example.com", types[data[0] & 7]);
	q.dnssec_ok = (data[0] & 8) != 0;
	if (message_read(&m, data + 1, size - 1, &q, false) != MESSAGE_OK)
		return 0;
	check_cookie(&m, (data[0] & 32) != 0, (data[0] & 64) != 0);
	struct reply r = {.w = {out, m.records_at, data[0] & 16 ? 200 : sizeof out, false}, .ede = EDE_NONE};
	memcpy(out + WIRE_HEADER_BYTES, q.bytes, q.length);
	records_write(&r, &m.records, 1, UINT32_MAX);
	memset(out, 0, WIRE_HEADER_BYTES);
	wire_put16(out + 4, 1);
	wire_put16(out + 6, r.answers);
	wire_put16(out + 8, r.authorities);
	wire_put16(out + 10, r.additionals);
	struct question again = question_make("www.example.com", q.type);
	again.dnssec_ok = q.dnssec_ok;
	out[2] = 0x80;
	/* What we wrote, we read again as the same. */
	static struct message second;
	unsigned answers = r.answers;
	if (message_read(&second, out, r.w.at, &again, true) != MESSAGE_OK || second.records.answers != answers)
		abort();
	return 0;
}
