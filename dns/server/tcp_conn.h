/*
 * Connections of the TCP thread, which alone calls everything here. Private to dns/server/.
 */
#ifndef DNS_SERVER_TCP_CONN_H
#define DNS_SERVER_TCP_CONN_H

#include <ev.h>
#include <sys/queue.h>

#include "dns/answer/respond.h"
#include "dns/server/transfer_thread.h"

struct conn;
struct forward_request;
struct querylog_ring;

struct conns {
	struct ev_loop *loop;
	struct responder responder;
	struct querylog_ring *log; /* NULL: none */
	struct transfer_threads *transfers;
	TAILQ_HEAD(, conn) list; /* longest without progress first */
	size_t count, max;
	uint8_t reply[WIRE_MESSAGE_BYTES];
};

/* Serves a connected socket, non-blocking, which belongs to the connections now. Closes another one where needed. */
void conns_open(struct conns *t, int fd, const struct sockaddr_storage *from);
/* Closes the one without progress for longest; false: there is none. */
bool conns_close_idle(struct conns *t);
/* A reply that the forwarder brings to the connection that asked. */
void conns_take(struct forward_request *r);

#endif
