/* Makes replies from records. */
#include "dns/forward/finish.h"

#include "base/clock.h"
#include "dns/answer/query_log.h"
#include "dns/answer/reply.h"

void finish_begin(struct finish *f)
{
	f->has_moved = false;
}

/* What stands between the question and the records: an answer so far. */
struct prefix {
	const uint8_t *bytes;
	size_t length;
	unsigned answers;
};

/* Pointers lead to places in the question and in what is written behind it: equal but for the case of letters? */
static bool moved_fits(const struct finish *f, const struct prefix *p, const struct reply *reply)
{
	const size_t question_bytes = reply->records_at - WIRE_HEADER_BYTES;
	uint8_t a[NAME_BYTES + 4], b[NAME_BYTES + 4];

	if (!f->has_moved || f->moved_frame_bytes != question_bytes + p->length)
		return false;
	name_lower(a, f->frame, question_bytes);
	name_lower(b, reply->w.bytes + WIRE_HEADER_BYTES, question_bytes);
	return memcmp(a, b, question_bytes) == 0 && memcmp(f->frame + question_bytes, p->bytes, p->length) == 0;
}

/* The records of `name`, to stand behind the question and the answer so far. */
static bool move(struct finish *f, const struct name *name, const struct query *q, const struct reply *reply,
		 const struct prefix *p, const struct records *from)
{
	const size_t question_bytes = reply->records_at - WIRE_HEADER_BYTES;
	struct question target = {.type = q->type, .dnssec_ok = true, .length = name->length + 4U};

	if (moved_fits(f, p, reply))
		return true;
	memcpy(target.bytes, name->wire, name->length);
	wire_put16(target.bytes + name->length, q->type);
	wire_put16(target.bytes + name->length + 2, CLASS_IN);
	memcpy(f->frame, reply->w.bytes + WIRE_HEADER_BYTES, question_bytes);
	memcpy(f->frame + question_bytes, p->bytes, p->length);
	f->moved_frame_bytes = question_bytes + p->length;
	f->has_moved = message_move(&f->moved, from, &target, f->frame, f->moved_frame_bytes, f->wire);
	return f->has_moved;
}

/* The answer so far, then what the name at its end has. RFC 6604: the rcode is that of the last name. */
static void chain_write(struct finish *f, const struct name *name, const struct query *q, struct reply *reply,
			const struct prefix *p, const struct outcome *o)
{
	const struct records *from = o->records;

	if (from->rcode != RCODE_NOERROR && from->rcode != RCODE_NXDOMAIN) {
		records_write(reply, from, o->age_s, o->ttl_max_s);
		return;
	}
	if (!move(f, name, q, reply, p, from)) {
		reply->truncated = true;
		return;
	}
	reply->aa = true;
	reply->truncated = reply->w.limit - reply->w.at < p->length; /* no part of a chain is of use */
	if (reply->truncated)
		return;
	writer_bytes(&reply->w, p->bytes, p->length);
	records_write(reply, &f->moved.records, o->age_s, o->ttl_max_s);
	reply->answers += p->answers;
	reply->ad = false; /* the first part is not signed */
}

/* The end of a search list: an alias from the asked name to the one that was found, as long as its records live. */
static void found_write(struct finish *f, const struct forward_request *r, const struct query *q, struct reply *reply,
			const struct outcome *o)
{
	uint8_t alias[RECORD_FIXED_BYTES + NAME_BYTES];
	const struct prefix p = {alias, RECORD_FIXED_BYTES + (size_t)r->target.length, 1};

	wire_put16(alias, 0xc000 | WIRE_HEADER_BYTES);
	wire_put16(alias + 2, TYPE_CNAME);
	wire_put16(alias + 4, CLASS_IN);
	wire_put32(alias + 6, records_first_ttl(o->records, o->age_s, o->ttl_max_s));
	wire_put16(alias + 10, r->target.length);
	memcpy(alias + RECORD_FIXED_BYTES, r->target.wire, r->target.length);
	chain_write(f, &r->target, q, reply, &p, o);
	reply->searched = true;
}

/* Nothing was found: what the asked name had, and why. */
static void missing_write(const struct forward_request *r, struct reply *reply)
{
	reply->aa = true;
	reply->rcode = RCODE_NXDOMAIN;
	reply->ede = (enum ede)r->ede;
	reply->ede_text_bytes = r->ede_text_bytes;
	memcpy(reply->ede_text, r->query + r->query_bytes + r->prefix_bytes, r->ede_text_bytes);
	writer_bytes(&reply->w, r->query + r->query_bytes, r->prefix_bytes);
	if (!reply->w.full)
		reply->authorities = r->prefix_authorities;
}

static void answer_write(struct finish *f, const struct forward_request *r, const struct query *q, struct reply *reply,
			 const struct outcome *o)
{
	const struct prefix so_far = {r->query + r->query_bytes, r->prefix_bytes, r->prefix_answers};

	if (o->records == NULL)
		missing_write(r, reply);
	else if (r->target.length == 0)
		records_write(reply, o->records, o->age_s, o->ttl_max_s);
	else if (r->search.labels > 0)
		found_write(f, r, q, reply, o);
	else
		chain_write(f, &r->target, q, reply, &so_far, o);
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
	answer_write(f, r, &q, &reply, o);
	size_t bytes = reply_end(&reply, f->edns, &q, &in);
	uint64_t ns = clock_ns() - r->received_ns;
	respond_later(f->counts, &reply, r->proto, bytes, ns);
	if (f->log != NULL)
		querylog_add(f->log, &in, &(struct querylog_result){f->reply, bytes, ns, o->origin});
	forward_send(r, f->reply, bytes);
}
