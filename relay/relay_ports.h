/*
 * The relay's listening sockets: one for each plan, bound as soon as it is free. The relay's thread only, except for
 * the counts.
 */
#ifndef RELAY_RELAY_PORTS_H
#define RELAY_RELAY_PORTS_H

#include <stdatomic.h>
#include <stdint.h>

#include "relay/relay_plan.h"
#include "relay/relay_tcp.h"
#include "relay/relay_udp.h"

/* Less where RLIMIT_NOFILE is too small for them and for the rest of the daemon. */
#define RELAY_CONNECTIONS_MAX 1024U /* TCP; shared by the ports (relay_tcp.h); further clients wait in the backlog */
#define RELAY_HALF_CLOSED_S 60.0    /* without a byte, as in conntrack (nf_conntrack_tcp_timeout_close_wait) */
#define RELAY_IDLE_S 10.0	    /* such a connection makes room for another one of its port */
#define RELAY_SESSIONS_MAX 4096U    /* UDP; a new one takes the place of the one idle for longest */
#define RELAY_SESSION_IDLE_S 60.0

struct ev_loop;
struct relay_ports;

struct relay_ports_counts {		   /* any thread reads */
	atomic_uint_fast32_t listeners[2]; /* TCP, UDP */
	struct relay_tcp_counts tcp;
	struct relay_udp_counts udp;
};

/* descriptors: how many it may use for connections and sessions. */
struct relay_ports *relay_ports_new(struct ev_loop *loop, struct relay_ports_counts *counts, unsigned descriptors);
void relay_ports_free(struct relay_ports *r); /* closes ports, connections and sessions */

/* The port does what the plan says from now on, or is closed when plan is NULL. Takes over the plan. */
void relay_ports_set(struct relay_ports *r, const struct frontend_key *key, struct relay_plan *plan);

#endif
