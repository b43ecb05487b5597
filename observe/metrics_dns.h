/*
 * The metrics of the DNS server under CoreDNS's names (reference B.10), for its dashboards and alerts. The workers
 * count; this adds them up while a page is made. Main thread only.
 */
#ifndef OBSERVE_METRICS_DNS_H
#define OBSERVE_METRICS_DNS_H

#include "base/metrics.h"
#include "dns/server/server.h"

/* The server outlives the last page of metrics. */
void metrics_dns_init(struct metrics *m, struct server *server);

#endif
