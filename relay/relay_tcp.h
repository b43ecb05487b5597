/*
 * The relay's TCP connections: two sockets each, copied both ways. What the slower side has not taken yet is kept, and
 * nothing more is read for it until it has (32 KiB a direction at most). Half-closes are passed on, a reset on one side
 * resets the other. A half-closed connection ends when no byte moves for a while: a peer that is gone says no more.
 *
 * All ports share the places. When none is free, the port with most connections gives up the one that is idle for
 * longest to a port with fewer; a port that has its share gives up its own one, when that was idle for long enough.
 * The relay's thread only, except for the counts.
 */
#ifndef RELAY_RELAY_TCP_H
#define RELAY_RELAY_TCP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "service/service.h"

struct ev_loop;
struct relay_tcp;

struct relay_tcp_port;

struct relay_tcp_counts { /* any thread reads */
	atomic_uint_fast64_t opened, failed, evicted;
	atomic_uint_fast32_t open;
};

struct relay_tcp_limits {
	unsigned connections_max; /* of all ports, >= 1 */
	double half_closed_s;	  /* without a byte: a half-closed connection ends */
	double idle_s;		  /* without a byte: a connection may make room for another one of its port */
};

struct relay_tcp *relay_tcp_new(struct ev_loop *loop, struct relay_tcp_counts *counts,
				const struct relay_tcp_limits *limits);
/* Resets every connection. Every port is closed. */
void relay_tcp_free(struct relay_tcp *t);

struct relay_tcp_port *relay_tcp_port_new(struct relay_tcp *t);
void relay_tcp_port_close(struct relay_tcp_port *p); /* its connections go on; NULL is fine */

/* Is there a place for one more connection of this port? Makes one where it may. */
bool relay_tcp_room(struct relay_tcp_port *p);
/* Takes over the accepted, non-blocking client socket and connects it to the endpoint. While there is room. */
void relay_tcp_connect(struct relay_tcp_port *p, int client, const struct target *to);

#endif
