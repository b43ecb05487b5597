/*
 * What the forwarder is given: its configuration, and queries that workers hand over. The forwarder's thread, but for
 * what a worker fills in.
 */
#ifndef DNS_FORWARD_REQUEST_H
#define DNS_FORWARD_REQUEST_H

#include <sys/queue.h>

#include "base/addr_port.h"
#include "dns/answer/packet.h"
#include "dns/forward/cache.h"
#include "dns/forward/plan.h"
#include "dns/forward/search_steps.h"

/*
 * Queries handed over and not answered, and questions asked, for each of which a socket may be open: as many as there
 * are descriptors for, at most these. More get a stale answer or SERVFAIL (quota.h).
 */
#define FORWARD_PENDING 2048
#define FORWARD_PENDING_PER_CLIENT 512 /* of one address */
#define FORWARD_RING 1024	       /* handed over by one worker and not yet taken */
#define FORWARD_CONTROL_BYTES 64

struct forward_config {
	const struct forward_plan *plan; /* borrowed */
	uint32_t timeout_ms;		 /* of one attempt; a query ends after twice this */
	struct cache_config cache;
	const struct edns_config *edns; /* borrowed */
	struct querylog *log;		/* borrowed; NULL: none */
};

struct forward_port;

/* A query that was handed over: where its reply goes. */
struct forward_request {
	STAILQ_ENTRY(forward_request) link;
	struct forward_port *port;
	struct sockaddr_storage from;
	enum respond_proto proto;
	int fd;	    /* UDP */
	void *conn; /* TCP: the port's */
	uint8_t control[FORWARD_CONTROL_BYTES];
	size_t control_bytes;
	uint8_t *reply; /* TCP: freed with the request */
	size_t reply_bytes;
	uint64_t received_ns; /* clock_ns */
	int place;	      /* of its client in the quota */
	size_t query_bytes;
	/*
	 * The answer so far, a CNAME at its end: the name that it leads to is asked for. target.length 0: none. Or a
	 * search list: target is the name that is asked for, and the records are what the client gets when there is
	 * none.
	 */
	struct name target;
	struct search_state search;
	int16_t ede;
	uint8_t ede_text_bytes;
	uint16_t prefix_answers, prefix_authorities;
	size_t prefix_bytes;
	uint8_t query[]; /* query_bytes, then prefix_bytes, then ede_text_bytes */
};
STAILQ_HEAD(forward_requests, forward_request);

/* Sends a finished reply where the request says, none when length is 0, and frees the request (forward.c). */
void forward_send(struct forward_request *r, const uint8_t *reply, size_t length);

#endif
