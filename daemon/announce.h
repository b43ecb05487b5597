/*
 * --announce: machines on a network reach load balancer and external addresses without a route. The kernel answers ARP
 * and neighbour solicitations for them, by local routes (netlink/local_routes.h) and, for IPv6, proxy neighbour entries
 * (netlink/proxy_neighbours.h); this module decides for which ones, asks first whether another machine has the address,
 * and tells the network. Begins once the first full sync is in the kernel. What it made in the kernel stays when the
 * process ends, and the next one goes on from there. Main thread.
 */
#ifndef DAEMON_ANNOUNCE_H
#define DAEMON_ANNOUNCE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/metrics.h"
#include "service/service.h"

struct announce;
struct daemon;

/* Before rights are given up. NULL: not asked for; what an earlier process left is removed then. */
struct announce *announce_open(struct daemon *d);
void announce_close(struct announce *a); /* NULL is fine, as below; what is in the kernel stays */

/* A Service is published in place of another version; either may be NULL. */
void announce_published(struct announce *a, const struct service *prev, const struct service *next);
void announce_changed(struct announce *a); /* this machine's addresses have */

/* Removes what any process left. removed: how many addresses. 0 or -errno. */
int announce_remove_all(size_t *removed);

void announce_metrics(struct announce *a, struct metrics *m);
/* "announced on eth0", or why not; false: nothing is to be said of this frontend's address. */
bool announce_note(const struct announce *a, const struct frontend *f, bool *is_announced, struct buf *text);
/* Member "announce" of status, and its lines of text. */
void announce_json(const struct announce *a, struct json *j);
void announce_text(const struct announce *a, struct buf *out);

#endif
