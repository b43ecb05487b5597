/*
 * The metrics of sync under the names of kube-proxy and CoreDNS, so that their dashboards and alerts keep working. One
 * transaction carries both families: what kube-proxy labels with ip_family is counted for each. Main thread only.
 */
#ifndef PROXY_SYNC_METRICS_H
#define PROXY_SYNC_METRICS_H

#include <stdbool.h>

#include "base/metrics.h"
#include "proxy/stale.h"
#include "proxy/sync.h"
#include "service/service.h"
#include "watch/object.h"

struct sync_metrics;

/* Registers them; it outlives the last page. dns: changes are shown in DNS, too. */
struct sync_metrics *sync_metrics_new(struct metrics *metrics, bool dns);
void sync_metrics_free(struct sync_metrics *f); /* NULL is fine */

/* An object was taken in, prev or next NULL. Services and slices mean work for the kernel; others do not count. */
void sync_metrics_changed(struct sync_metrics *f, const struct object *prev, const struct object *next);
/* The kernel and DNS have this service now; either may be NULL. Counts Local policies without a local endpoint. */
void sync_metrics_published(struct sync_metrics *f, const struct service *prev, const struct service *next);
/* After every sync_turn and stale_turn: counts what happened since the last call. */
void sync_metrics_turn(struct sync_metrics *f, const struct sync_stats *sync, const struct stale_stats *stale);

#endif
