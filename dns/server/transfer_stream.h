/*
 * Inside of a zone transfer: records, made of answers to questions, written into messages of some kilobytes. One is
 * used by one thread.
 */
#ifndef DNS_SERVER_TRANSFER_STREAM_H
#define DNS_SERVER_TRANSFER_STREAM_H

#include "base/buf.h"
#include "dns/answer/respond.h"

#define TRANSFER_BYTES_MAX (512U << 20)

/* What a stream answers, and where to. */
struct transfer_stream_config {
	const struct respond_config *config;
	const struct query *query;
	const uint8_t *message; /* that the query was in */
	const struct sockaddr *from;
	const _Atomic bool *stop; /* breaks it off when true; NULL: nothing does */
	struct buf *out;	  /* messages are appended */
};

struct transfer_stream;

/* Takes the SOA as it is now. Borrows all but `to` itself. */
struct transfer_stream *transfer_stream_begin(const struct transfer_stream_config *to);
uint32_t transfer_stream_serial(const struct transfer_stream *s); /* of that SOA */
void transfer_stream_soa(struct transfer_stream *s);
/* What the answer to this question holds of that name and type. */
void transfer_stream_answer(struct transfer_stream *s, const struct name *name, unsigned type);
/* It is to be stopped, or too large: nothing more is of use. */
bool transfer_stream_stops(struct transfer_stream *s);
/* The last message, and frees it. False: it was broken off. */
bool transfer_stream_end(struct transfer_stream *s);

#endif
