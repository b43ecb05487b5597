/*
 * Connections of the TCP thread, which alone calls everything here. Private to dns/server/.
 */
#ifndef DNS_SERVER_TCP_CONN_H
#define DNS_SERVER_TCP_CONN_H

#include <ev.h>
#include <sys/queue.h>

#include "dns/answer/respond.h"
#include "dns/server/transfer_thread.h"

#define TCP_IDLE_MS 10000
#define TCP_CONNECTIONS                                                                                          \
	512 /* at most half of descriptors_own; when full, or without a descriptor, the one without progress for \
	       longest makes room */
/* and no more than are left for others; then that without progress for longest goes; not for the node itself */
#define TCP_CONNECTIONS_PER_CLIENT 128
#define TCP_QUERY_BYTES 4096		  /* a longer one ends its connection */
#define TCP_UNSENT_BYTES (16 * 1024)	  /* a client with more replies waiting is not read from */
#define TCP_WAITING 32			  /* nor one with so many queries at the forwarder */
#define TCP_UNSENT_BYTES_MAX (256 * 1024) /* when the forwarder brings more, the connection ends */

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
