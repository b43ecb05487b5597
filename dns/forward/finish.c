/* Makes replies from records. */
#include "dns/forward/finish.h"

#include "base/clock.h"
#include "dns/answer/reply.h"
#include "dns/forward/inflight.h"

/* The answer so far, then what the name at its end has. RFC 6604: the rcode is that of the last name. */
static void chain_write(struct finish *f, const struct forward_request *r, const struct query *q, struct reply *reply,
			const struct records *from, uint32_t age_s, uint32_t ttl_max_s)
{
	const uint32_t prefix = r->prefix_answers;
	const size_t question_bytes = reply->records_at - WIRE_HEADER_BYTES;
	struct question target = {.type = q->type, .dnssec_ok = true, .length = r->target.length + 4U};

	memcpy(target.bytes, r->target.wire, r->target.length);
	wire_put16(target.bytes + r->target.length, q->type);
	wire_put16(target.bytes + r->target.length + 2, CLASS_IN);
	if (from->rcode != RCODE_NOERROR && from->rcode != RCODE_NXDOMAIN) {
		records_write(reply, from, age_s, ttl_max_s);
		return;
	}
	memcpy(f->frame, reply->w.bytes + WIRE_HEADER_BYTES, question_bytes);
	memcpy(f->frame + question_bytes, r->query + r->query_bytes, r->prefix_bytes);
	if (!message_move(&f->moved, from, &target, f->frame, question_bytes + r->prefix_bytes, f->wire)) {
		reply->truncated = true;
		return;
	}
	reply->aa = true;
	reply->truncated = reply->w.limit - reply->w.at < r->prefix_bytes; /* no part of a chain is of use */
	if (reply->truncated)
		return;
	writer_bytes(&reply->w, r->query + r->query_bytes, r->prefix_bytes);
	records_write(reply, &f->moved.records, age_s, ttl_max_s);
	reply->answers += prefix;
	reply->ad = false; /* the first part is not signed */
}

void finish_request(struct finish *f, struct forward_request *r, const struct records *from, uint32_t age_s,
		    uint32_t ttl_max_s)
{
	struct packet in = {r->query, r->query_bytes, (const struct sockaddr *)&r->from, r->proto};
	struct query q;
	struct reply reply;

	if (query_parse(&q, in.bytes, in.length) != QUERY_OK) { /* the worker has parsed it */
		forward_send(r, NULL, 0);
		return;
	}
	reply_begin(&reply, f->edns, &q, &in, f->reply, sizeof f->reply);
	if (r->target.length == 0)
		records_write(&reply, from, age_s, ttl_max_s);
	else
		chain_write(f, r, &q, &reply, from, age_s, ttl_max_s);
	size_t bytes = reply_end(&reply, f->edns, &q, &in);
	respond_later(f->counts, &reply, r->proto, bytes, clock_ns() - r->received_ns);
	forward_send(r, f->reply, bytes);
}
