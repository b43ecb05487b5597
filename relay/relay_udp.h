/*
 * The relay's UDP sessions: one connected socket per client address and node port, so that answers find their way back.
 * A session ends when it has been idle for a while, when its endpoint refuses or serves no more, or when the table is
 * full and it is the one idle for longest. The relay's thread only, except for the counts.
 */
#ifndef RELAY_RELAY_UDP_H
#define RELAY_RELAY_UDP_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/map.h"
#include "relay/relay_plan.h"

struct ev_loop;
struct relay_udp;

struct relay_udp_counts {				 /* any thread reads */
	atomic_uint_fast64_t sessions, dropped, evicted; /* dropped: datagrams */
	atomic_uint_fast32_t open;
};

/* One node port: its listening socket and the sessions of its clients. Embedded by the owner of the plan. */
struct relay_udp_port {
	int fd;
	const struct relay_plan *plan;
	struct relay_choice *choice;
	struct map sessions; /* client address and port → session */
};

struct relay_udp *relay_udp_new(struct ev_loop *loop, struct relay_udp_counts *counts, unsigned sessions_max,
				double idle_s);
void relay_udp_free(struct relay_udp *u); /* every port is closed */

/* The listening socket has datagrams: passes a bounded number of them on. */
void relay_udp_receive(struct relay_udp *u, struct relay_udp_port *port);
/* The plan changed: ends sessions whose endpoint serves no more. */
void relay_udp_review(struct relay_udp_port *port);
/* Ends every session of the port; the caller closes the socket. */
void relay_udp_close(struct relay_udp_port *port);

#endif
