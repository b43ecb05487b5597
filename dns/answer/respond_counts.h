/*
 * What a thread counts of the queries that it answers: kept by CoreDNS's names for its metrics. Written by one thread,
 * read by any.
 */
#ifndef DNS_ANSWER_RESPOND_COUNTS_H
#define DNS_ANSWER_RESPOND_COUNTS_H

#include <stdatomic.h>

#include "dns/answer/packet.h"
#include "dns/wire/query.h"
#include "dns/wire/record.h"

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
	_Atomic uint64_t searched; /* replies with a name further down the search list (autopath.h) */
	_Atomic uint64_t starved;  /* times that there was no descriptor for a TCP connection */
	_Atomic uint64_t limited_dropped, limited_truncated; /* replies to strangers above their rate (stranger.h) */
	_Atomic uint64_t durations[COUNT_DURATIONS], durations_ns; /* their number, and their sum */
	struct size_counts questions_in[RESPOND_PROTOS], replies_out[RESPOND_PROTOS];
};

void respond_count(_Atomic uint64_t *counter);
void respond_count_query(struct respond_counts *c, const struct packet *in, const struct query *q);
void respond_count_reply(struct respond_counts *c, const struct reply *reply);
void respond_count_size(struct size_counts *c, size_t bytes);
/* `queries` of one turn took ns each, from the socket to the socket. Not for those that the forwarder has. */
void respond_observe(struct respond_counts *c, unsigned queries, uint64_t ns);
/* Counts a reply that the forwarder made, ns after its query came. */
void respond_later(struct respond_counts *c, const struct reply *reply, enum respond_proto proto, size_t bytes,
		   uint64_t ns);
unsigned respond_duration_slot(uint64_t ns); /* the bucket in `durations` */

/* "A", "AAAA", …, "other" of a counter slot. */
const char *respond_type_name(unsigned slot);
const char *respond_rcode_name(unsigned rcode);

#endif
