/*
 * Zone transfers (RFC 5936): the cluster zone as a stream of messages. A transfer holds what the answers to every
 * question that owns a record hold, because it is made of them; names of pods, which exist by rule, are not in it.
 *
 * Slow and rare: it allocates. Runs on an RCU-registered online thread of its own, never on a worker.
 */
#ifndef DNS_SERVER_TRANSFER_H
#define DNS_SERVER_TRANSFER_H

#include "base/buf.h"
#include "dns/answer/respond.h"

#define TRANSFER_QUERY_BYTES 1024 /* longer requests are refused */

struct transfer {
	uint8_t message[TRANSFER_QUERY_BYTES];
	struct query query; /* borrows message: do not copy the struct after transfer_wanted */
	bool incremental;
	uint32_t serial;	  /* what the client has (IXFR) */
	const _Atomic bool *stop; /* breaks it off when true; NULL: nothing does */
};

/*
 * True when the query asks for a transfer of the complete cluster zone over TCP and its sender may have it; *t is
 * filled. Else the query is answered like any other, which refuses it.
 */
bool transfer_wanted(const struct respond_config *c, const struct packet *in, struct transfer *t);

/*
 * All messages, each with its length in front, for one write after the other. False: broken off, by `stop` or because
 * there is more than TRANSFER_BYTES_MAX; what is there lacks the last SOA, so no client takes it for the zone. Changes
 * that are published while it runs may be in it or not; its serial is the one before all of them, so that they make the
 * client ask again.
 */
bool transfer_build(const struct respond_config *c, const struct transfer *t, const struct sockaddr *from,
		    struct buf *out);

#endif
