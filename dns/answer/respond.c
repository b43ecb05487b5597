/* Turns one query packet into one reply packet. */
#include "dns/answer/respond.h"

#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "dns/answer/question.h"
#include "dns/answer/reasons.h"
#include "dns/answer/reply.h"
#include "dns/answer/stranger.h"
#include "dns/answer/whoami.h"
#include "dns/forward/forward.h"
#include "dns/zone/clients.h"

/* ---- strangers ---- */

static bool is_known(const struct responder *r, const struct packet *in)
{
	return r->config->clients == NULL || clients_know(r->config->clients, in->from);
}

/* The query may have come from elsewhere: a stranger's over UDP, without a cookie of ours. */
static bool may_be_forged(const struct responder *r, const struct packet *in, const struct query *q)
{
	return in->proto == RESPOND_UDP && !is_known(r, in) &&
	       !edns_cookie_valid(r->config->edns.cookie_key, q, in->from, (uint32_t)time(NULL));
}

static enum stranger_action limit(struct responder *r, const struct packet *in, unsigned rcode)
{
	bool answer = rcode == RCODE_NOERROR || rcode == RCODE_NXDOMAIN;

	if (r->strangers == NULL)
		return STRANGER_SEND;
	enum stranger_action action =
		strangers_reply(r->strangers, in->from, answer ? STRANGER_ANSWER : STRANGER_ERROR, clock_ns());
	if (action == STRANGER_DROP)
		respond_count(&r->counts->limited_dropped);
	else if (action == STRANGER_TRUNCATE)
		respond_count(&r->counts->limited_truncated);
	return action;
}

/* ---- replies ---- */

/* A reply that cannot even repeat the question. */
static size_t header_only(const struct query *q, unsigned rcode, uint8_t *out)
{
	memset(out, 0, WIRE_HEADER_BYTES);
	wire_put16(out, q->id);
	wire_put16(out + 2, FLAG_QR | (q->flags & (FLAG_OPCODE | FLAG_RD | FLAG_CD)) | FLAG_RA | rcode);
	return WIRE_HEADER_BYTES;
}

/* version.bind and id.server (RFC 4892), where the operator wants them answered. */
static void answer_chaos(const struct respond_config *c, const struct query *q, struct reply *r)
{
	static const uint8_t version[] = "\7version\4bind", version2[] = "\7version\6server";
	static const uint8_t id[] = "\2id\6server", id2[] = "\10hostname\4bind";
	const char *text = NULL;

#define IS(wire_name) (q->name.length == sizeof(wire_name) && memcmp(q->name.wire, wire_name, sizeof(wire_name)) == 0)
	if (IS(version) || IS(version2))
		text = c->version;
	else if (IS(id) || IS(id2))
		text = c->identity;
#undef IS
	if (text == NULL || (q->type != TYPE_TXT && q->type != TYPE_ANY))
		r->rcode = RCODE_REFUSED;
	else
		record_txt(r, CLASS_CH, text, 0);
}

/* A name outside the cluster. False: the forwarder has the query. */
static bool answer_outside(const struct responder *r, const struct packet *in, const struct query *q,
			   struct reply *reply)
{
	if (!is_known(r, in)) {
		reply->rcode = RCODE_REFUSED;
		reasons_outside(true, reply);
	} else if (r->port == NULL || !forward_serves(r->port, &q->name)) {
		reply->rcode = RCODE_REFUSED;
		reasons_outside(false, reply);
	} else if (!forward_answer(r->port, in, &r->client, q, reply)) {
		return !forward_hand_over(r->port, in, &r->client, q, reply);
	}
	return true;
}

static bool respond_answer(const struct responder *r, const struct packet *in, const struct query *q,
			   struct reply *reply)
{
	if (q->edns_version != 0)
		reply->rcode = RCODE_BADVERS;
	else if (q->class == CLASS_CH)
		answer_chaos(r->config, q, reply);
	else if (q->class != CLASS_IN || q->type == TYPE_AXFR || q->type == TYPE_IXFR) {
		reply->rcode = RCODE_REFUSED;
		reasons_refused(q, reply);
	} else if (!question_answer(r->config->zone, &q->name, q->type, reply)) {
		return answer_outside(r, in, q, reply);
	} else if (reply->whoami) {
		whoami_answer(r->config->zone, in, reply);
	} else if (r->port == NULL || !is_known(r, in)) {
		return true;
	} else if (reply->outside_at != 0) {
		return !forward_finish(r->port, in, &r->client, reply);
	} else if (reply->search_labels != 0) {
		return !forward_search(r->port, in, &r->client, reply);
	}
	return true;
}

/* A query of which not even the question can be repeated. */
static enum respond_verdict error_make(struct responder *r, const struct packet *in, const struct query *q,
				       unsigned rcode, uint8_t *out, size_t *bytes)
{
	if (may_be_forged(r, in, q) && limit(r, in, rcode) != STRANGER_SEND) {
		respond_count(&r->counts->dropped);
		return RESPOND_DROP;
	}
	*bytes = header_only(q, rcode, out);
	respond_count(&r->counts->replies[rcode]);
	return RESPOND_REPLY;
}

/* Answers the question of q, if it has one. */
static enum respond_verdict reply_make(struct responder *r, const struct packet *in, struct query *q,
				       enum query_result parsed, uint8_t *out, size_t room, size_t *bytes)
{
	const struct edns_config *edns = &r->config->edns;
	const bool limited = may_be_forged(r, in, q);
	enum stranger_action action = STRANGER_SEND;
	struct reply reply;

	if (limited) {
		q->nsid = false; /* what is left fits: question, OPT and cookie, 1.4 times the smallest such query */
		room = stranger_room(in->length);
	}
	reply_begin(&reply, edns, q, in, out, room);
	reply.rotation = r->config->fixed_order ? 0 : r->rotation++;
	reply.searches = &r->searches;
	reply.debug_names = r->config->debug_names;
	reply.search_from = r->config->autopath ? in->from : NULL;
	respond_count_query(r->counts, in, q);
	if (parsed == QUERY_FORMERR)
		reply.rcode = RCODE_FORMERR;
	else if (parsed == QUERY_OK && !respond_answer(r, in, q, &reply))
		return RESPOND_FORWARD;
	if (limited)
		action = limit(r, in, reply.rcode);
	if (action == STRANGER_DROP) {
		respond_count(&r->counts->dropped);
		return RESPOND_DROP;
	}
	if (action == STRANGER_TRUNCATE)
		reply_truncate(&reply);
	*bytes = reply_end(&reply, edns, q, in);
	r->cached = reply.cached;
	respond_count_reply(r->counts, &reply);
	return RESPOND_REPLY;
}

static enum respond_verdict packet_answer(struct responder *r, const struct packet *in, uint8_t *out, size_t room,
					  size_t *bytes)
{
	struct query q;
	enum query_result parsed = query_parse(&q, in->bytes, in->length);

	switch (parsed) {
	case QUERY_DROP:
		respond_count(&r->counts->dropped);
		return RESPOND_DROP;
	case QUERY_NOTIMP:
		return error_make(r, in, &q, RCODE_NOTIMP, out, bytes);
	case QUERY_NO_QUESTION:
		return error_make(r, in, &q, RCODE_FORMERR, out, bytes);
	default:
		return reply_make(r, in, &q, parsed, out, room, bytes);
	}
}

enum respond_verdict respond(struct responder *r, const struct packet *in, uint8_t *out, size_t room, size_t *bytes)
{
	*bytes = 0;
	r->cached = false;
	enum respond_verdict verdict = packet_answer(r, in, out, room, bytes);

	if (verdict != RESPOND_DROP)
		respond_count_size(&r->counts->questions_in[in->proto], in->length);
	if (verdict == RESPOND_REPLY)
		respond_count_size(&r->counts->replies_out[in->proto], *bytes);
	return verdict;
}
