/* Header, question and OPT around the records of a reply. */
#include "dns/answer/reply.h"

static size_t limit_bytes(const struct query *q, enum respond_proto proto, size_t room)
{
	size_t limit = proto == RESPOND_TCP	       ? WIRE_MESSAGE_BYTES
		       : q->udp_bytes < WIRE_UDP_BYTES ? q->udp_bytes
						       : WIRE_UDP_BYTES;

	return limit < room ? limit : room;
}

void reply_begin(struct reply *r, const struct edns_config *edns, const struct query *q, const struct packet *in,
		 uint8_t *out, size_t room)
{
	size_t limit = limit_bytes(q, in->proto, room), opt = edns_bytes(edns, q, in->proto == RESPOND_TCP);

	r->w = (struct writer){out, q->question_end, limit - opt, false};
	r->records_at = q->question_end;
	r->answers = r->authorities = r->additionals = 0;
	r->rcode = RCODE_NOERROR;
	r->aa = r->ad = r->truncated = false;
	r->outside_at = 0;
	r->search_from = NULL;
	r->search_labels = 0;
	r->rotation = 0;
	r->ede = EDE_NONE;
	r->ede_text_bytes = 0;
	r->explain = q->edns;
	r->searches = NULL;
	r->debug_names = r->whoami = r->cached = r->searched = false;
	memcpy(out + WIRE_HEADER_BYTES, in->bytes + WIRE_HEADER_BYTES, q->question_end - WIRE_HEADER_BYTES);
}

void reply_truncate(struct reply *r)
{
	writer_back(&r->w, r->records_at);
	r->answers = r->authorities = r->additionals = 0;
	r->rcode = RCODE_NOERROR;
	r->aa = false;
	r->truncated = true;
	r->ede = EDE_NONE;
}

static void put_header(const struct query *q, const struct reply *r)
{
	uint8_t *p = r->w.bytes;
	unsigned flags = FLAG_QR | (q->flags & (FLAG_RD | FLAG_CD)) | FLAG_RA | (r->rcode & FLAG_RCODE);

	if (r->ad && (q->dnssec_ok || (q->flags & FLAG_AD) != 0)) /* only who asked for it (RFC 6840 5.8) */
		flags |= FLAG_AD;
	wire_put16(p, q->id);
	wire_put16(p + 2, flags | (r->aa ? FLAG_AA : 0U) | (r->truncated ? FLAG_TC : 0U));
	wire_put16(p + 4, q->question_end > WIRE_HEADER_BYTES);
	wire_put16(p + 6, r->answers);
	wire_put16(p + 8, r->authorities);
	wire_put16(p + 10, r->additionals);
}

size_t reply_end(struct reply *r, const struct edns_config *edns, const struct query *q, const struct packet *in)
{
	size_t opt = edns_bytes(edns, q, in->proto == RESPOND_TCP);

	r->w.limit += opt;
	if (q->edns)
		edns_write(edns, q, in->from, in->proto == RESPOND_TCP, r);
	put_header(q, r);
	return r->w.at;
}
