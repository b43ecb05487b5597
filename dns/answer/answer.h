/*
 * Answers from the zone: one question in, records, rcode and AA out (dns.md B.3, B.4). Runs on RCU readers, without
 * allocation; the caller puts the header, the question and EDNS around it.
 */
#ifndef DNS_ANSWER_ANSWER_H
#define DNS_ANSWER_ANSWER_H

#include "dns/wire/name.h"
#include "dns/wire/record.h"
#include "dns/zone/table.h"

#define ANSWER_CHASE_MAX 10 /* CNAMEs followed inside the cluster */

/*
 * A name that is being answered and where it stands in the message, so that records can point at it. A name that
 * was written as record data ends in a pointer to the apex, which stands in the question.
 */
struct owner_ref {
	const struct name *name;
	unsigned above;	  /* labels in front of the apex */
	unsigned at;	  /* offset of its first label */
	unsigned zone_at; /* offset of the apex */
};

static inline unsigned owner_ref_at(const struct owner_ref *s, unsigned label)
{
	return label < s->above ? s->at + s->name->label_at[label] : s->zone_at;
}

/*
 * Answers `name` (the question, at offset 12 of r->w.bytes) if it is under the cluster domain or is a reverse name
 * of ours. False: not ours, nothing written.
 */
bool answer_question(const struct zone *z, const struct name *name, unsigned type, struct reply *r);

/* The parts, one file each. `depth` counts followed CNAMEs. */
void answer_forward(const struct zone *z, const struct owner_ref *s, unsigned type, struct reply *r, unsigned depth);
void answer_service(const struct zone *z, const struct owner_ref *s, unsigned type, struct reply *r, unsigned depth);
bool answer_reverse(const struct zone *z, const struct name *name, unsigned type, struct reply *r);
/* ---- SRV (answer_srv.c) ---- */

/* Which ports are asked for; all zero = every one, named or not. */
struct srv_filter {
	const uint8_t *port; /* lower case, counted; NULL: every name and protocol */
	unsigned port_bytes;
	uint8_t proto;
};
void srv_answer(const struct zone *z, const struct owner_ref *s, const struct view *v, const struct srv_filter *f,
		struct reply *r);
/* SRV at the name of one endpoint: a run of endpoints with the same label. */
void srv_endpoint(const struct zone *z, const struct owner_ref *s, const struct view *v, const struct dns_endpoint *run,
		  size_t run_count, struct reply *r);

/* Apex and the names that every zone has: SOA, NS, dns, ns.dns. False: `s` is none of them. */
bool answer_apex(const struct zone *z, const struct owner_ref *s, unsigned type, struct reply *r);
void answer_nodata(const struct zone *z, const struct owner_ref *s, struct reply *r);
void answer_nxdomain(const struct zone *z, const struct owner_ref *s, struct reply *r);

#endif
