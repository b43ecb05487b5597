/*
 * How many queries the forwarder takes on at once: in all, and of one client. A worker takes the place of a query
 * before it hands it over, so that one client's flood fills neither a ring nor the forwarder's time; the forwarder
 * gives it back with the reply. A question that goes on while no query waits for it keeps its client's place.
 *
 * A client may have as many places as are left, and at most FORWARD_PENDING_PER_CLIENT. So n clients that take all they
 * get leave 1/(n + 1) of the places to others, as switches share their buffers (Choudhury and Hahne, "Dynamic queue
 * length thresholds", 1998). Any thread; a race may grant a place too many.
 */
#ifndef DNS_FORWARD_QUOTA_H
#define DNS_FORWARD_QUOTA_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define QUOTA_CLIENTS 4096 /* addresses that share one share its places: bounded memory for any number of clients */
#define QUOTA_NONE (-1)

struct sockaddr;

struct quota {
	uint64_t seed;
	uint32_t places; /* in all */
	_Atomic uint32_t taken, clients[QUOTA_CLIENTS];
};

void quota_init(struct quota *q, uint32_t places);
/* A place of the client at `from`; QUOTA_NONE: it has as many as it may have. */
int quota_take(struct quota *q, const struct sockaddr *from);
/* One more of the client that has this place. False: as above. */
bool quota_take_more(struct quota *q, int place);
/* The same whatever the limits say: for what has a place already, and gives that one back. */
void quota_keep(struct quota *q, int place);
void quota_give(struct quota *q, int place); /* QUOTA_NONE is fine */

#endif
