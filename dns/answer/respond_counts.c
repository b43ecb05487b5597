/* Counts queries and replies. */
#include "dns/answer/respond_counts.h"

/* One writer: no locked instruction is needed, only untorn stores. */
static void count_more(_Atomic uint64_t *counter, uint64_t more)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + more,
			      memory_order_relaxed);
}

void respond_count(_Atomic uint64_t *counter)
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

void respond_count_size(struct size_counts *c, size_t bytes)
{
	unsigned bucket = 0;

	while (bucket < COUNT_SIZES - 1 && (double)bytes > respond_size_bounds[bucket])
		bucket++;
	respond_count(&c->messages[bucket]);
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

void respond_count_query(struct respond_counts *c, const struct packet *in, const struct query *q)
{
	respond_count(&c->queries[in->proto][in->from->sa_family == AF_INET6][type_slot(q->type)]);
	if (q->dnssec_ok)
		respond_count(&c->dnssec_ok);
}

void respond_count_reply(struct respond_counts *c, const struct reply *reply)
{
	if (reply->searched)
		respond_count(&c->searched);
	respond_count(&c->replies[reply->rcode]);
	if (reply->truncated)
		respond_count(&c->truncated);
	else if (reply->rcode == RCODE_NOERROR && reply->answers == 0)
		respond_count(&c->nodata);
}

void respond_later(struct respond_counts *c, const struct reply *reply, enum respond_proto proto, size_t bytes,
		   uint64_t ns)
{
	respond_count_reply(c, reply);
	respond_count_size(&c->replies_out[proto], bytes);
	respond_observe(c, 1, ns);
}
