/*
 * The metrics of sync under the names of kube-proxy and CoreDNS, so that their dashboards and alerts keep working. One
 * transaction carries both families: what kube-proxy labels with ip_family is counted for each. Main thread only.
 */
#ifndef OBSERVE_METRICS_SYNC_H
#define OBSERVE_METRICS_SYNC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/metrics.h"
#include "service/service.h"
#include "watch/object.h"

struct metrics_sync;

/* metrics may be NULL; it outlives the metrics. dns: changes are shown in DNS, too. */
struct metrics_sync *metrics_sync_new(struct metrics *metrics, bool dns);
void metrics_sync_free(struct metrics_sync *f); /* NULL is fine */

/* An object was taken in, prev or next NULL. Services and slices mean work for the kernel; others do not count. */
void metrics_sync_changed(struct metrics_sync *f, const struct object *prev, const struct object *next);
/* The kernel and DNS have this service now; either may be NULL. Counts Local policies without a local endpoint. */
void metrics_sync_service(struct metrics_sync *f, const struct service *prev, const struct service *next);

/* Everything queued is in the kernel. full: the whole table was loaded, or compared with what should be there. */
void metrics_sync_synced(struct metrics_sync *f, bool full, double duration_s);
void metrics_sync_sync_failed(struct metrics_sync *f);
void metrics_sync_cleanup_failed(struct metrics_sync *f); /* stale kernel entries could not be removed */
/* A conntrack fix-up of both families ran and deleted so many entries of IPv4 and IPv6. */
void metrics_sync_conntrack(struct metrics_sync *f, double duration_s, const uint64_t deleted[2]);
void metrics_sync_quarantined(struct metrics_sync *f,
			      size_t services); /* so many are at an older version: see quarantine.h */

#endif
