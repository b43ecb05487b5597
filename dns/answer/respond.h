/*
 * A packet in, a packet out: everything between the socket and the zone. No I/O; runs on an RCU-registered online
 * thread, allocates nothing. One responder per thread, which alone writes its counters.
 */
#ifndef DNS_ANSWER_RESPOND_H
#define DNS_ANSWER_RESPOND_H

#include "dns/answer/packet.h"
#include "dns/answer/respond_counts.h"
#include "dns/wire/edns.h"
#include "dns/zone/similar.h"
#include "dns/zone/zone.h"

struct clients;
struct querylog;
struct strangers;

struct respond_config {
	const struct zone *zone;
	const struct clients *clients; /* whom we know; NULL: everyone */
	struct edns_config edns;
	struct forward *forward;     /* NULL: none */
	struct querylog *log;	     /* NULL: none; see querylog.h */
	bool debug_names;	     /* whoami.dns is answered */
	bool fixed_order;	     /* addresses always in the same order */
	bool autopath;		     /* pods' search lists are finished here */
	const struct cidr *transfer; /* who may transfer the zone */
	size_t transfer_count;
	const char *version;  /* answer to version.bind CH TXT; NULL: REFUSED */
	const char *identity; /* answer to id.server and hostname.bind CH TXT; NULL: REFUSED */
};

/* What to do with a packet. */
enum respond_verdict {
	RESPOND_DROP,	/* no reply */
	RESPOND_REPLY,	/* the reply is made */
	RESPOND_FORWARD /* a name outside our zones: the forwarder has the query */
};

struct forward;
struct forward_port;

struct responder {
	const struct respond_config *config; /* shared, constant */
	struct respond_counts *counts;
	struct strangers *strangers;	/* NULL: their replies are not rate-limited */
	uint32_t rotation;		/* address rotation */
	struct similar_budget searches; /* for suggestions */
	struct forward_port *port;	/* NULL: names outside the cluster are REFUSED */
	struct dns_client client;	/* of the next packet, with a port */
	bool cached;			/* the last reply came from the forwarder's cache */
};

/*
 * RESPOND_REPLY: the reply is in out (at least 512 bytes; more than room is never written), *bytes long. Otherwise
 * *bytes is 0. Over UDP replies are cut to what the client takes. A query that is to be forwarded is counted, its
 * reply by respond_later.
 */
enum respond_verdict respond(struct responder *r, const struct packet *in, uint8_t *out, size_t room, size_t *bytes);

#endif
