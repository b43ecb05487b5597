/*
 * Replies to clients that waited: the records that an upstream or the cache gave, behind what the worker had written
 * where an alias led outside. The forwarder's thread; one struct, large, for all.
 */
#ifndef DNS_FORWARD_FINISH_H
#define DNS_FORWARD_FINISH_H

#include "dns/answer/origin.h"
#include "dns/forward/message.h"
#include "dns/forward/request.h"

/* What a query gets. */
struct outcome {
	const struct records *records; /* NULL: none of its search list */
	uint32_t age_s, ttl_max_s;     /* as records_write */
	struct origin origin;
};

struct finish {
	const struct edns_config *edns; /* borrowed, as the counters */
	struct respond_counts *counts;
	struct querylog_ring *log; /* NULL: none */
	/* What the last reply of several with the same records holds behind its question, for the next one. */
	bool has_moved;
	size_t moved_frame_bytes;
	struct message moved;
	/* room for the work */
	uint8_t reply[WIRE_MESSAGE_BYTES], frame[2 * WIRE_MESSAGE_BYTES], wire[WIRE_MESSAGE_BYTES];
};

/* Before the first reply with other records than the last one's. */
void finish_begin(struct finish *f);
/* Sends the reply; frees the request. */
void finish_request(struct finish *f, struct forward_request *r, const struct outcome *o);

#endif
