/*
 * Which clients are known: ranges of addresses that the main thread publishes and workers look up. Known clients are
 * served in full; the rest are strangers (dns/answer/stranger.h).
 */
#ifndef DNS_ZONE_CLIENTS_H
#define DNS_ZONE_CLIENTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/addr.h"

struct clients;

struct clients *clients_new(void);    /* no client is known */
void clients_free(struct clients *c); /* readers are gone; NULL is fine */

/*
 * Publishes the ranges; they may overlap and repeat. Copied. One writer, main thread. Returns false, and publishes
 * nothing, when they are the present ones.
 */
bool clients_set(struct clients *c, const struct cidr *ranges, size_t count);

/* RCU reader. from: a sockaddr_in or sockaddr_in6. Logarithmic in the number of ranges. */
bool clients_know(const struct clients *c, const struct sockaddr *from);

#endif
