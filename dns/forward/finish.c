/* Makes replies from records. */
#include "dns/forward/finish.h"

#include "base/clock.h"
#include "dns/answer/query_log.h"
#include "dns/answer/reply.h"
#include "dns/forward/inflight.h"

void finish_begin(struct finish *f)
{
	f->has_moved = false;
}

/* Pointers lead to places in the question and in what is written behind it: equal but for the case of letters? */
static bool moved_fits(const struct finish *f, const struct forward_request *r, const struct reply *reply)
{
	const size_t question_bytes = reply->records_at - WIRE_HEADER_BYTES;
	uint8_t a[NAME_BYTES + 4], b[NAME_BYTES + 4];

	if (!f->has_moved || f->moved_frame_bytes != question_bytes + r->prefix_bytes)
		return false;
	name_lower(a, f->frame, question_bytes);
	name_lower(b, reply->w.bytes + WIRE_HEADER_BYTES, question_bytes);
	return memcmp(a, b, question_bytes) == 0 &&
	       memcmp(f->frame + question_bytes, r->query + r->query_bytes, r->prefix_bytes) == 0;
}

/* The records, to stand behind the question and the answer so far. */
static bool move(struct finish *f, const struct forward_request *r, const struct query *q, const struct reply *reply,
		 const struct records *from)
{
	const size_t question_bytes = reply->records_at - WIRE_HEADER_BYTES;
	struct question target = {.type = q->type, .dnssec_ok = true, .length = r->target.length + 4U};

	if (moved_fits(f, r, reply))
		return true;
	memcpy(target.bytes, r->target.wire, r->target.length);
	wire_put16(target.bytes + r->target.length, q->type);
	wire_put16(target.bytes + r->target.length + 2, CLASS_IN);
	memcpy(f->frame, reply->w.bytes + WIRE_HEADER_BYTES, question_bytes);
	memcpy(f->frame + question_bytes, r->query + r->query_bytes, r->prefix_bytes);
	f->moved_frame_bytes = question_bytes + r->prefix_bytes;
	f->has_moved = message_move(&f->moved, from, &target, f->frame, f->moved_frame_bytes, f->wire);
	return f->has_moved;
}

/* The answer so far, then what the name at its end has. RFC 6604: the rcode is that of the last name. */
static void chain_write(struct finish *f, const struct forward_request *r, const struct query *q, struct reply *reply,
			const struct outcome *o)
{
	const struct records *from = o->records;

	if (from->rcode != RCODE_NOERROR && from->rcode != RCODE_NXDOMAIN) {
		records_write(reply, from, o->age_s, o->ttl_max_s);
		return;
	}
	if (!move(f, r, q, reply, from)) {
		reply->truncated = true;
		return;
	}
	reply->aa = true;
	reply->truncated = reply->w.limit - reply->w.at < r->prefix_bytes; /* no part of a chain is of use */
	if (reply->truncated)
		return;
	writer_bytes(&reply->w, r->query + r->query_bytes, r->prefix_bytes);
	records_write(reply, &f->moved.records, o->age_s, o->ttl_max_s);
	reply->answers += r->prefix_answers;
	reply->ad = false; /* the first part is not signed */
}

void finish_request(struct finish *f, struct forward_request *r, const struct outcome *o)
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
		records_write(&reply, o->records, o->age_s, o->ttl_max_s);
	else
		chain_write(f, r, &q, &reply, o);
	size_t bytes = reply_end(&reply, f->edns, &q, &in);
	uint64_t ns = clock_ns() - r->received_ns;
	respond_later(f->counts, &reply, r->proto, bytes, ns);
	if (f->log != NULL)
		querylog_add(f->log, &in, &(struct querylog_result){f->reply, bytes, ns, o->origin});
	forward_send(r, f->reply, bytes);
}
