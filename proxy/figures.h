/*
 * The figures of sync under kube-proxy's names (reference A.8), so that its dashboards and alerts keep working. One
 * transaction carries both families: what kube-proxy labels with ip_family is counted for each. Main thread only.
 */
#ifndef PROXY_FIGURES_H
#define PROXY_FIGURES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/metrics.h"
#include "proxy/service.h"
#include "watch/object.h"

struct figures;

struct figures *figures_new(struct metrics *metrics); /* metrics may be NULL; it outlives the figures */
void figures_free(struct figures *f);		      /* NULL is fine */

/* An object that means work for the kernel was taken in: OBJECT_SERVICE and OBJECT_SLICE count as changes pending. */
void figures_queued(struct figures *f, enum object_kind kind);
/* A slice that was taken in says when its cause happened (slice_object.trigger_ms); 0 and times before our start are
 * ignored, as kube-proxy does: they tell of downtime, not of programming. */
void figures_trigger(struct figures *f, int64_t trigger_ms);
/* The compiled service changed; either may be NULL. Keeps count of Local policies without a local endpoint. */
void figures_service(struct figures *f, const struct service *prev, const struct service *next);

/* Everything queued is in the kernel. full: the first load or a rebuild; else a transaction of differences. */
void figures_synced(struct figures *f, bool full, double duration_s);
void figures_sync_failed(struct figures *f);
void figures_cleanup_failed(struct figures *f); /* stale kernel entries could not be removed */
/* A conntrack fix-up of both families ran. */
void figures_conntrack(struct figures *f, double duration_s, uint64_t deleted);

#endif
