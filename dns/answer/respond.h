/*
 * A packet in, a packet out: everything between the socket and the zone. No I/O; runs on an RCU-registered online
 * thread, allocates nothing. One responder per thread, which alone writes its counters.
 */
#ifndef DNS_ANSWER_RESPOND_H
#define DNS_ANSWER_RESPOND_H

#include <stdatomic.h>

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

enum respond_proto { RESPOND_UDP, RESPOND_TCP, RESPOND_PROTOS };

/* Slots of counters by query type; the types that CoreDNS's metrics name, others together. */
enum { COUNT_TYPES = 13, COUNT_RCODES = 17 };
/* Buckets of how long queries took: bucket i up to 0.25 ms × 2^i, as CoreDNS has them; the last without a bound. */
enum { COUNT_DURATIONS = 17 };
extern const double respond_duration_bounds[COUNT_DURATIONS - 1]; /* seconds */
/* Buckets of message sizes with CoreDNS's bounds (respond_size_bounds); the last without a bound. */
enum { COUNT_SIZES = 15 };
extern const double respond_size_bounds[COUNT_SIZES - 1]; /* bytes */

/* Messages of one direction and transport: how many in each bucket, and the sum of their bytes. */
struct size_counts {
	_Atomic uint64_t messages[COUNT_SIZES], bytes;
};

/* Written by one thread with relaxed stores, read by any. */
struct respond_counts {
	_Atomic uint64_t queries[RESPOND_PROTOS][2][COUNT_TYPES]; /* by transport, IPv4/IPv6, type */
	_Atomic uint64_t replies[COUNT_RCODES];
	_Atomic uint64_t nodata, truncated, dnssec_ok, dropped, unlogged;
	_Atomic uint64_t starved; /* times that there was no descriptor for a TCP connection */
	_Atomic uint64_t limited_dropped, limited_truncated; /* replies to strangers above their rate (stranger.h) */
	_Atomic uint64_t durations[COUNT_DURATIONS], durations_ns; /* their number, and their sum */
	struct size_counts questions_in[RESPOND_PROTOS], replies_out[RESPOND_PROTOS];
};

/* Where a later reply goes: the forwarder sends it. */
struct dns_client {
	int fd;	    /* UDP */
	void *conn; /* TCP */
	const void *control;
	size_t control_bytes;
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
};

struct packet {
	const uint8_t *bytes;
	size_t length;
	const struct sockaddr *from;
	enum respond_proto proto;
};

/*
 * RESPOND_REPLY: the reply is in out (at least 512 bytes; more than room is never written), *bytes long. Otherwise
 * *bytes is 0. Over UDP replies are cut to what the client takes. A query that is to be forwarded is counted, its
 * reply by respond_later.
 */
enum respond_verdict respond(struct responder *r, const struct packet *in, uint8_t *out, size_t room, size_t *bytes);

/* `queries` of one turn took ns each, from the socket to the socket. Not for those that the forwarder has. */
void respond_observe(struct respond_counts *c, unsigned queries, uint64_t ns);
/* Counts a reply that the forwarder made, ns after its query came. */
struct reply;
void respond_later(struct respond_counts *c, const struct reply *reply, enum respond_proto proto, size_t bytes,
		   uint64_t ns);
unsigned respond_duration_slot(uint64_t ns); /* the bucket in `durations` */

/* "A", "AAAA", …, "other" of a counter slot. */
const char *respond_type_name(unsigned slot);
const char *respond_rcode_name(unsigned rcode);

#endif
