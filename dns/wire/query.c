/* Parses a query. */
#include "dns/wire/query.h"

/* A message being read; `at` never passes `length`. */
struct reader {
	const uint8_t *bytes;
	size_t at, length;
};

static bool reader_has(const struct reader *r, size_t bytes)
{
	return bytes <= r->length - r->at;
}

/* Skips a possibly compressed name without following it. */
static bool skip_name(struct reader *r)
{
	while (reader_has(r, 1)) {
		unsigned label = r->bytes[r->at];
		if (label >= 0xc0) {
			r->at += 2;
			return r->at <= r->length;
		}
		if (label > NAME_LABEL_BYTES || !reader_has(r, label + 1))
			return false;
		r->at += label + 1;
		if (label == 0)
			return true;
	}
	return false;
}

static bool cookie_length_ok(unsigned length)
{
	return length == COOKIE_CLIENT_BYTES || (length >= 16 && length <= COOKIE_BYTES_MAX);
}

static bool option_read(struct query *q, unsigned code, const uint8_t *data, unsigned length)
{
	switch (code) {
	case OPTION_NSID:
		q->nsid = true;
		return true;
	case OPTION_KEEPALIVE:
		q->keepalive = true;
		return true;
	case OPTION_COOKIE:
		if (!cookie_length_ok(length)) /* RFC 7873 5.2.2 */
			return false;
		if (q->cookie_bytes == 0) { /* of several, the first counts */
			q->cookie = data;
			q->cookie_bytes = (uint8_t)length;
		}
		return true;
	default:
		return true;
	}
}

static bool options_read(struct query *q, const uint8_t *data, size_t length)
{
	while (length > 0) {
		if (length < 4 || length - 4 < wire_get16(data + 2))
			return false;
		unsigned option_bytes = wire_get16(data + 2);
		if (!option_read(q, wire_get16(data), data + 4, option_bytes))
			return false;
		data += 4 + option_bytes;
		length -= 4 + option_bytes;
	}
	return true;
}

/* r stands behind the owner of an OPT record (RFC 6891 6.1.2); rdata is in the message. */
static bool opt_read(struct query *q, const uint8_t *fixed, const uint8_t *rdata)
{
	if (q->edns) /* a second one */
		return false;
	q->edns = true;
	unsigned size = wire_get16(fixed + 2);
	q->udp_bytes = size < WIRE_UDP_PLAIN_BYTES ? WIRE_UDP_PLAIN_BYTES : (uint16_t)size;
	q->edns_version = fixed[5];
	q->dnssec_ok = (fixed[6] & 0x80) != 0;
	if (q->edns_version != 0) /* its options may mean anything */
		return true;
	return options_read(q, rdata, wire_get16(fixed + 8));
}

static bool record_read(struct query *q, struct reader *r, bool additional)
{
	size_t owner = r->at;

	if (!skip_name(r) || !reader_has(r, 10))
		return false;
	const uint8_t *fixed = r->bytes + r->at;
	r->at += 10;
	if (!reader_has(r, wire_get16(fixed + 8)))
		return false;
	r->at += wire_get16(fixed + 8);
	if (wire_get16(fixed) != TYPE_OPT)
		return true;
	return additional && r->bytes[owner] == 0 && opt_read(q, fixed, fixed + 10);
}

static bool records_read(struct query *q, struct reader *r)
{
	unsigned before = wire_get16(r->bytes + 6) + wire_get16(r->bytes + 8);
	unsigned additional = wire_get16(r->bytes + 10);

	for (unsigned i = 0; i < before; i++) { /* IXFR carries a SOA there */
		if (!record_read(q, r, false))
			return false;
	}
	for (unsigned i = 0; i < additional; i++) {
		if (!record_read(q, r, true))
			return false;
	}
	return r->at == r->length;
}

/* r stands behind the header of a query without a question. */
static enum query_result parse_no_question(struct query *q, struct reader *r)
{
	q->name = (struct name){.length = 1};
	q->question_end = WIRE_HEADER_BYTES;
	return records_read(q, r) && q->cookie_bytes > 0 ? QUERY_COOKIE : QUERY_NO_QUESTION;
}

enum query_result query_parse(struct query *q, const uint8_t *message, size_t message_bytes)
{
	struct reader r = {message, WIRE_HEADER_BYTES, message_bytes};

	if (message_bytes < WIRE_HEADER_BYTES || (message[2] & 0x80) != 0)
		return QUERY_DROP;
	q->id = wire_get16(message);
	q->flags = wire_get16(message + 2);
	q->edns = q->nsid = q->keepalive = q->dnssec_ok = false;
	q->edns_version = 0;
	q->cookie_bytes = 0;
	q->udp_bytes = WIRE_UDP_PLAIN_BYTES;
	q->type = q->class = 0;
	if ((q->flags & FLAG_OPCODE) != 0)
		return QUERY_NOTIMP;
	if (wire_get16(message + 4) == 0)
		return parse_no_question(q, &r);
	if (wire_get16(message + 4) != 1 || !name_read(&q->name, message, message_bytes, &r.at) || !reader_has(&r, 4))
		return QUERY_NO_QUESTION;
	q->type = wire_get16(message + r.at);
	q->class = wire_get16(message + r.at + 2);
	r.at += 4;
	q->question_end = r.at;
	if (q->type == TYPE_OPT || !records_read(q, &r))
		return QUERY_FORMERR;
	return QUERY_OK;
}
