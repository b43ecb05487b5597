/*
 * Keeps the names of --dns-zone up to date (dns/zone/lan.h): made again, as a whole, 5 ms after the first change of an
 * address or a name. A line for each name that a Service does not get, once. Main thread.
 */
#ifndef DAEMON_LAN_ZONE_H
#define DAEMON_LAN_ZONE_H

#include <ev.h>

#include "dns/zone/zone.h"
#include "proxy/store.h"

struct lan_zone;

/* zone and store outlive it. */
struct lan_zone *lan_zone_open(struct zone *zone, const struct store *store, struct ev_loop *loop);
void lan_zone_close(struct lan_zone *l); /* NULL is fine, as below */

/* A Service is published in place of another version; either may be NULL. */
void lan_zone_published(struct lan_zone *l, const struct service *prev, const struct service *next);
void lan_zone_changed(struct lan_zone *l); /* the static names have */

#endif
