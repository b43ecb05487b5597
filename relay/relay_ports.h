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
