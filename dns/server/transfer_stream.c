/* Writes the records of a zone transfer into messages. */
#include "dns/server/transfer_stream.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "dns/answer/question.h"

#define MESSAGE_BYTES 16000		      /* below 16384, so that every offset fits a compression pointer */
#define SCRATCH_BYTES (1024 * 1024)	      /* of one RRset at first */
#define SCRATCH_MAX_BYTES (256 * 1024 * 1024) /* a larger RRset ends the transfer: part of one would be a lie */

struct transfer_stream {
	struct transfer_stream_config to;
	struct reply reply; /* the message being filled */
	uint8_t message[MESSAGE_BYTES];
	uint8_t *scratch; /* where answers are made */
	size_t scratch_bytes;
	uint8_t soa_fixed[8], soa[2 * NAME_BYTES + 20]; /* type, class and TTL; data */
	size_t soa_bytes;
	bool broken; /* off: it is too large, or to be stopped */
};

static void message_begin(struct transfer_stream *s)
{
	const struct query *q = s->to.query;

	s->reply = (struct reply){.ede = EDE_NONE, .aa = true};
	s->reply.w = (struct writer){s->message, q->question_end,
				     sizeof s->message - edns_bytes(&s->to.config->edns, q, true), false};
	memcpy(s->message, s->to.message, q->question_end);
}

static void message_end(struct transfer_stream *s)
{
	const struct query *q = s->to.query;
	uint8_t prefix[2], *p = s->message;

	s->reply.w.limit = sizeof s->message;
	if (q->edns)
		edns_write(&s->to.config->edns, q, s->to.from, true, &s->reply);
	wire_put16(p + 2, FLAG_QR | FLAG_AA | FLAG_RA | (q->flags & (FLAG_RD | FLAG_CD)));
	wire_put16(p + 6, s->reply.answers);
	wire_put16(p + 8, 0);
	wire_put16(p + 10, s->reply.additionals);
	wire_put16(prefix, (unsigned)s->reply.w.at);
	buf_add(s->to.out, prefix, sizeof prefix);
	buf_add(s->to.out, s->message, s->reply.w.at);
}

/* Owner: the labels in front of the apex, then a pointer to the question, which is the apex. */
static bool put_record(struct writer *w, const struct name *owner, unsigned above, const uint8_t *fixed,
		       const uint8_t *data, size_t data_bytes)
{
	size_t mark = w->at;

	writer_bytes(w, owner->wire, owner->label_at[above]);
	writer_pointer(w, WIRE_HEADER_BYTES);
	writer_bytes(w, fixed, 8); /* type, class, TTL */
	writer_u16(w, (unsigned)data_bytes);
	writer_bytes(w, data, data_bytes);
	if (!w->full)
		return true;
	writer_back(w, mark);
	return false;
}

static void emit(struct transfer_stream *s, const struct name *owner, const uint8_t *fixed, const uint8_t *data,
		 size_t data_bytes)
{
	unsigned above = owner->labels - s->to.config->zone->domain.labels;

	if (!put_record(&s->reply.w, owner, above, fixed, data, data_bytes)) {
		message_end(s);
		message_begin(s);
		put_record(&s->reply.w, owner, above, fixed, data, data_bytes);
	}
	s->reply.answers++;
}

/* Copies a name at *at of the scratch message without its compression; returns its length. */
static size_t expand_name(const uint8_t *message, size_t *at, uint8_t *to)
{
	size_t from = *at, length = 0;
	bool jumped = false;

	while (message[from] != 0) {
		if (message[from] >= 0xc0) {
			if (!jumped)
				*at = from + 2;
			jumped = true;
			from = wire_get16(message + from) & 0x3fff;
			continue;
		}
		memcpy(to + length, message + from, message[from] + 1U);
		length += message[from] + 1U;
		from += message[from] + 1U;
	}
	to[length++] = 0;
	if (!jumped)
		*at = from + 1;
	return length;
}

/* Record data as it stands alone. */
static size_t expand_data(const uint8_t *message, size_t at, size_t length, unsigned type, uint8_t *to)
{
	size_t end = at + length, size = 0;

	switch (type) {
	case TYPE_SOA:
		size = expand_name(message, &at, to);
		size += expand_name(message, &at, to + size);
		break;
	case TYPE_NS:
	case TYPE_CNAME:
		size = expand_name(message, &at, to);
		break;
	default:
		break;
	}
	memcpy(to + size, message + at, end - at);
	return size + end - at;
}

/*
 * The answer to one question becomes records of the transfer. Those of a followed CNAME belong to other names, which
 * have their turn: their owner is not the question.
 */
static struct reply make_answer(struct transfer_stream *s, const struct name *name, unsigned type)
{
	struct reply r = {.ede = EDE_NONE};

	r.records_at = WIRE_HEADER_BYTES + name->length + 4U;
	r.w = (struct writer){s->scratch, r.records_at, s->scratch_bytes, false};
	memcpy(s->scratch + WIRE_HEADER_BYTES, name->wire, name->length);
	question_answer(s->to.config->zone, name, type, &r);
	return r;
}

void transfer_stream_answer(struct transfer_stream *s, const struct name *name, unsigned type)
{
	struct reply r = make_answer(s, name, type);
	uint8_t data[WIRE_HEADER_BYTES + 3 * NAME_BYTES];

	while (r.truncated && s->scratch_bytes < SCRATCH_MAX_BYTES) {
		s->scratch_bytes *= 2;
		s->scratch = mem_resize(s->scratch, s->scratch_bytes);
		r = make_answer(s, name, type);
	}
	s->broken |= r.truncated || s->to.out->length_bytes > TRANSFER_BYTES_MAX;
	size_t at = r.records_at;
	for (uint32_t i = 0; i < r.answers; i++) {
		const uint8_t *rr = s->scratch + at;
		size_t data_bytes = wire_get16(rr + 10);
		if (wire_get16(rr) == (0xc000 | WIRE_HEADER_BYTES) && wire_get16(rr + 2) == type)
			emit(s, name, rr + 2, data,
			     expand_data(s->scratch, at + RECORD_FIXED_BYTES, data_bytes, type, data));
		at += RECORD_FIXED_BYTES + data_bytes;
	}
}

void transfer_stream_soa(struct transfer_stream *s)
{
	emit(s, &s->to.config->zone->domain, s->soa_fixed, s->soa, s->soa_bytes);
}

uint32_t transfer_stream_serial(const struct transfer_stream *s)
{
	return wire_get32(s->soa + s->soa_bytes - 20); /* the first of five numbers */
}

static void soa_keep(struct transfer_stream *s)
{
	const struct zone *zone = s->to.config->zone;
	struct reply r = {.ede = EDE_NONE};

	r.w = (struct writer){s->scratch, WIRE_HEADER_BYTES + zone->domain.length, s->scratch_bytes, false};
	memcpy(s->scratch + WIRE_HEADER_BYTES, zone->domain.wire, zone->domain.length);
	const size_t at = r.w.at;
	record_soa(&r, &r.answers, WIRE_HEADER_BYTES, zone->ttl_s, zone);
	memcpy(s->soa_fixed, s->scratch + at + 2, sizeof s->soa_fixed);
	s->soa_bytes =
		expand_data(s->scratch, at + RECORD_FIXED_BYTES, wire_get16(s->scratch + at + 10), TYPE_SOA, s->soa);
}

bool transfer_stream_stops(struct transfer_stream *s)
{
	s->broken |= s->to.stop != NULL && atomic_load(s->to.stop);
	return s->broken;
}

struct transfer_stream *transfer_stream_begin(const struct transfer_stream_config *to)
{
	struct transfer_stream *s = mem_alloc(sizeof *s);

	s->to = *to;
	s->scratch_bytes = SCRATCH_BYTES;
	s->scratch = mem_alloc(s->scratch_bytes);
	message_begin(s);
	soa_keep(s);
	return s;
}

bool transfer_stream_end(struct transfer_stream *s)
{
	const bool whole = !s->broken;

	message_end(s);
	free(s->scratch);
	free(s);
	return whole;
}
