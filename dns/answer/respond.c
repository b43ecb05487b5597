/* Turns one query packet into one reply packet. */
#include "dns/answer/respond.h"

#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "dns/answer/answer.h"
#include "dns/answer/reasons.h"
#include "dns/answer/reply.h"
#include "dns/answer/stranger.h"
#include "dns/answer/whoami.h"
#include "dns/forward/forward.h"
#include "dns/zone/clients.h"

/* ---- counters ---- */

/* One writer: no locked instruction is needed, only untorn stores. */
static void count_more(_Atomic uint64_t *counter, uint64_t more)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + more,
			      memory_order_relaxed);
}

static void count(_Atomic uint64_t *counter)
{
	count_more(counter, 1);
}

unsigned respond_duration_slot(uint64_t ns)
{
	unsigned bucket = 0;

	for (uint64_t bound_ns = 250000; bucket < COUNT_DURATIONS - 1 && ns > bound_ns; bound_ns *= 2)
		bucket++;
	return bucket;
}

void respond_observe(struct respond_counts *c, unsigned queries, uint64_t ns)
{
	count_more(&c->durations[respond_duration_slot(ns)], queries);
	count_more(&c->durations_ns, queries * ns);
}

const double respond_duration_bounds[COUNT_DURATIONS - 1] = {0.00025, 0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032,
							     0.064,   0.128,  0.256, 0.512, 1.024, 2.048, 4.096, 8.192};
const double respond_size_bounds[COUNT_SIZES - 1] = {0,	   100,	 200,  300,   400,   511,   1023,
						     2047, 4095, 8291, 16000, 32000, 48000, 64000};

static void count_size(struct size_counts *c, size_t bytes)
{
	unsigned bucket = 0;

	while (bucket < COUNT_SIZES - 1 && (double)bytes > respond_size_bounds[bucket])
		bucket++;
	count(&c->messages[bucket]);
	count_more(&c->bytes, bytes);
}

static unsigned type_slot(unsigned type)
{
	switch (type) {
	case TYPE_A:
		return 0;
	case TYPE_AAAA:
		return 1;
	case TYPE_CNAME:
		return 2;
	case TYPE_DNSKEY:
		return 3;
	case TYPE_DS:
		return 4;
	case TYPE_HTTPS:
		return 5;
	case TYPE_MX:
		return 6;
	case TYPE_NS:
		return 7;
	case TYPE_PTR:
		return 8;
	case TYPE_SOA:
		return 9;
	case TYPE_SRV:
		return 10;
	case TYPE_TXT:
		return 11;
	default:
		return 12;
	}
}

const char *respond_type_name(unsigned slot)
{
	static const char *const names[COUNT_TYPES] = {"A",  "AAAA", "CNAME", "DNSKEY", "DS",  "HTTPS", "MX",
						       "NS", "PTR",  "SOA",   "SRV",	"TXT", "other"};

	return slot < COUNT_TYPES ? names[slot] : "other";
}

const char *respond_rcode_name(unsigned rcode)
{
	static const char *const names[COUNT_RCODES] = {
		"NOERROR", "FORMERR", "SERVFAIL",  "NXDOMAIN", "NOTIMP",  "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET",
		"NOTAUTH", "NOTZONE", "DSOTYPENI", "RCODE12",  "RCODE13", "RCODE14", "RCODE15",	 "BADVERS"};

	return rcode < COUNT_RCODES ? names[rcode] : "other";
}

static void count_query(struct responder *r, const struct packet *in, const struct query *q)
{
	count(&r->counts->queries[in->proto][in->from->sa_family == AF_INET6][type_slot(q->type)]);
	if (q->dnssec_ok)
		count(&r->counts->dnssec_ok);
}

static void count_reply(struct respond_counts *c, const struct reply *reply)
{
	count(&c->replies[reply->rcode]);
	if (reply->truncated)
		count(&c->truncated);
	else if (reply->rcode == RCODE_NOERROR && reply->answers == 0)
		count(&c->nodata);
}

void respond_later(struct respond_counts *c, const struct reply *reply, enum respond_proto proto, size_t bytes,
		   uint64_t ns)
{
	count_reply(c, reply);
	count_size(&c->replies_out[proto], bytes);
	respond_observe(c, 1, ns);
}

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
		count(&r->counts->limited_dropped);
	else if (action == STRANGER_TRUNCATE)
		count(&r->counts->limited_truncated);
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
		if (forward_hand_over(r->port, in, &r->client))
			return false;
		reply->rcode = RCODE_SERVFAIL;
		reply->ede = EDE_OTHER;
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
	} else if (!answer_question(r->config->zone, &q->name, q->type, reply)) {
		return answer_outside(r, in, q, reply);
	} else if (reply->whoami) {
		whoami_answer(r->config->zone, in, reply);
	} else if (reply->outside_at != 0 && r->port != NULL && is_known(r, in)) {
		return !forward_finish(r->port, in, &r->client, reply);
	}
	return true;
}

/* A query of which not even the question can be repeated. */
static enum respond_verdict error_make(struct responder *r, const struct packet *in, const struct query *q,
				       unsigned rcode, uint8_t *out, size_t *bytes)
{
	if (may_be_forged(r, in, q) && limit(r, in, rcode) != STRANGER_SEND) {
		count(&r->counts->dropped);
		return RESPOND_DROP;
	}
	*bytes = header_only(q, rcode, out);
	count(&r->counts->replies[rcode]);
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
	count_query(r, in, q);
	if (parsed == QUERY_FORMERR)
		reply.rcode = RCODE_FORMERR;
	else if (parsed == QUERY_OK && !respond_answer(r, in, q, &reply))
		return RESPOND_FORWARD;
	if (limited)
		action = limit(r, in, reply.rcode);
	if (action == STRANGER_DROP) {
		count(&r->counts->dropped);
		return RESPOND_DROP;
	}
	if (action == STRANGER_TRUNCATE)
		reply_truncate(&reply);
	*bytes = reply_end(&reply, edns, q, in);
	count_reply(r->counts, &reply);
	return RESPOND_REPLY;
}

static enum respond_verdict packet_answer(struct responder *r, const struct packet *in, uint8_t *out, size_t room,
					  size_t *bytes)
{
	struct query q;
	enum query_result parsed = query_parse(&q, in->bytes, in->length);

	switch (parsed) {
	case QUERY_DROP:
		count(&r->counts->dropped);
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
	enum respond_verdict verdict = packet_answer(r, in, out, room, bytes);

	if (verdict != RESPOND_DROP)
		count_size(&r->counts->questions_in[in->proto], in->length);
	if (verdict == RESPOND_REPLY)
		count_size(&r->counts->replies_out[in->proto], *bytes);
	return verdict;
}
