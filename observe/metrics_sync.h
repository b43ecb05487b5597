/*
 * The figures of sync under the names of kube-proxy and CoreDNS, so that their dashboards and alerts keep working. One
 * transaction carries both families: what kube-proxy labels with ip_family is counted for each. Main thread only.
 */
#ifndef OBSERVE_METRICS_SYNC_H
#define OBSERVE_METRICS_SYNC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/metrics.h"
#include "service/service.h"
#include "watch/object.h"

struct figures;

/* metrics may be NULL; it outlives the figures. dns: changes are shown in DNS, too. */
struct figures *figures_new(struct metrics *metrics, bool dns);
void figures_free(struct figures *f); /* NULL is fine */

/* An object was taken in, prev or next NULL. Services and slices mean work for the kernel; others do not count. */
void figures_changed(struct figures *f, const struct object *prev, const struct object *next);
/* The kernel and DNS have this service now; either may be NULL. Counts Local policies without a local endpoint. */
void figures_service(struct figures *f, const struct service *prev, const struct service *next);

/* Everything queued is in the kernel. full: the whole table was loaded, or compared with what should be there. */
void figures_synced(struct figures *f, bool full, double duration_s);
void figures_sync_failed(struct figures *f);
void figures_cleanup_failed(struct figures *f); /* stale kernel entries could not be removed */
/* A conntrack fix-up of both families ran and deleted so many entries of IPv4 and IPv6. */
void figures_conntrack(struct figures *f, double duration_s, const uint64_t deleted[2]);
void figures_quarantined(struct figures *f, size_t services); /* so many are at an older version: see quarantine.h */

#endif
