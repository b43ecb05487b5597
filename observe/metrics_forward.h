/*
 * The metrics of the forwarder and its cache under CoreDNS's names (plugins forward and cache). Main thread only.
 */
#ifndef OBSERVE_METRICS_FORWARD_H
#define OBSERVE_METRICS_FORWARD_H

#include "base/metrics.h"
#include "dns/forward/forward.h"

extern const double metrics_duration_bounds[COUNT_DURATIONS - 1]; /* seconds (metrics_dns.c) */

/* The forwarder outlives the last page of metrics. */
void metrics_forward_init(struct metrics *m, const struct forward *forward);

#endif
