/*
 * The relay's TCP connections: two sockets each, copied both ways. What the slower side has not taken yet is kept, and
 * nothing more is read for it until it has (32 KiB a direction at most). Half-closes are passed on, a reset on one side
 * resets the other. The relay's thread only, except for the counts.
 */
#ifndef RELAY_RELAY_TCP_H
#define RELAY_RELAY_TCP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "service/service.h"

struct ev_loop;
struct relay_tcp;

struct relay_tcp_counts { /* any thread reads */
	atomic_uint_fast64_t opened, failed;
	atomic_uint_fast32_t open;
};

struct relay_tcp *relay_tcp_new(struct ev_loop *loop, struct relay_tcp_counts *counts, unsigned connections_max);
void relay_tcp_free(struct relay_tcp *t); /* resets every connection */
bool relay_tcp_full(const struct relay_tcp *t);
/* Takes over the accepted, non-blocking client socket and connects it to the endpoint. Not while full. */
void relay_tcp_connect(struct relay_tcp *t, int client, const struct target *to);

#endif
