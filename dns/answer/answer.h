/*
 * Answers from the zone: one name in, records, rcode and AA out. Runs on RCU readers, without
 * allocation; the caller puts the header, the question and EDNS around it.
 */
#ifndef DNS_ANSWER_ANSWER_H
#define DNS_ANSWER_ANSWER_H

#include "dns/answer/owner_ref.h"
#include "dns/wire/name.h"
#include "dns/wire/record.h"
#include "dns/zone/table.h"

#define ANSWER_CHASE_MAX 10 /* CNAMEs followed inside the cluster */

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
