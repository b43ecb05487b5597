/*
 * A reply under construction and the records that are written into it. Owners are always compression pointers;
 * names in record data are compressed where RFC 1035 types allow it (SRV targets are not: RFC 2782).
 * Hot path: no allocation. One reply belongs to one thread.
 */
#ifndef DNS_WIRE_RECORD_H
#define DNS_WIRE_RECORD_H

#include "dns/wire/name.h"
#include "dns/zone/view.h"
#include "dns/wire/wire.h"
#include "dns/zone/zone.h"

#define RECORD_FIXED_BYTES 12 /* owner pointer, type, class, TTL, data length */

/* RFC 8914 */
enum ede {
	EDE_NONE = -1,
	EDE_OTHER = 0,
	EDE_STALE = 3,
	EDE_NOT_READY = 14,
	EDE_PROHIBITED = 18,
	EDE_STALE_NXDOMAIN = 19,
	EDE_NOT_AUTHORITATIVE = 20,
	EDE_NOT_SUPPORTED = 21,
	EDE_NO_REACHABLE_AUTHORITY = 22
};

struct similar_budget;
struct sockaddr;

struct reply {
	struct writer w;
	size_t records_at;		    /* behind the question */
	const struct sockaddr *search_from; /* its search list is finished (autopath.h); NULL: it is not */
	unsigned search_labels;		    /* the client's own name, so many labels, may exist outside; 0: no */
	size_t outside_at; /* a CNAME ends the answer: where its target, a name outside the zone, stands; 0: none */
	uint32_t answers, authorities, additionals; /* a transfer counts more than a message holds */
	uint16_t rcode;
	bool aa, ad, truncated;
	bool searched;			 /* found further down a pod's search list */
	bool cached;			 /* from the forwarder's cache */
	bool explain;			 /* the client takes extended errors */
	struct similar_budget *searches; /* of this thread, for suggestions; NULL: none */
	bool debug_names;		 /* whoami.dns, status.dns, why.dns exist */
	bool whoami;			 /* it is asked for: the caller has the answer (dns/answer/whoami.h) */
	uint32_t rotation;		 /* where address lists start */
	enum ede ede;
	uint8_t ede_text_bytes;
	char ede_text[160];
};

/* Copies `count` addresses of `bytes` (4 or 16) each, starting in the middle; cuts at whole records and sets TC. */
void record_addrs(struct reply *r, unsigned owner_at, const uint8_t *addrs, uint32_t count, unsigned bytes,
		  uint32_t ttl_s);

/*
 * All others return false, with nothing written, when the record does not fit, and set TC unless it is glue. `count` is
 * the section's counter.
 * Names are lower-case wire form without compression.
 */
bool record_addr(struct reply *r, uint32_t *count, unsigned owner_at, const struct addr *a, uint32_t ttl_s);
/* zone_at: where the apex stands in the message; MNAME is ns.dns and RNAME hostmaster below it (B.4). */
bool record_soa(struct reply *r, uint32_t *count, unsigned zone_at, uint32_t ttl_s, const struct zone *z);
bool record_ns(struct reply *r, unsigned zone_at, uint32_t ttl_s);
bool record_txt(struct reply *r, unsigned class, const char *text, uint32_t ttl_s);
/* RFC 8482 4.2: the answer to ANY. */
bool record_hinfo(struct reply *r, uint32_t ttl_s);

/* Opens a record of class IN in the answer section; NULL when even that does not fit. */
uint8_t *record_open(struct reply *r, unsigned owner_at, unsigned type, uint32_t ttl_s);
/* Closes it: counts it, or takes it back and returns false. */
bool record_close(struct reply *r, uint8_t *start, uint32_t *count);

#endif
