/*
 * Trigger times: when the cause of an endpoint change happened, from the annotation
 * endpoints.kubernetes.io/last-change-trigger-time of a slice. They wait here, by Service, until the change is in the
 * kernel and in DNS; then the programming latencies are known (the SLIs network and DNS programming latency of
 * sig-scalability). Kept as kube-proxy keeps them. Main thread only.
 */
#ifndef PROXY_TRIGGERS_H
#define PROXY_TRIGGERS_H

#include <stdbool.h>
#include <stdint.h>

#include "service/service.h"
#include "watch/object.h"

#define TRIGGERS_MAX 4096 /* changes that wait at a time; more are not measured */

struct triggers;

/* Times up to start_ms (wall clock) are ignored: they tell of downtime, not of programming. */
struct triggers *triggers_new(int64_t start_ms);
void triggers_free(struct triggers *t); /* NULL is fine */

/* The slice was taken in. */
void triggers_add(struct triggers *t, const struct slice_object *slice);
/* The slice is gone. Its annotation tells of its last update, so what waits for its Service and family is forgotten. */
void triggers_drop(struct triggers *t, const struct slice_object *slice);
/* The kernel has this service now. DNS shows the endpoints of headless ones, so only there a change is one of DNS. */
void triggers_published(struct triggers *t, const struct service *service);

struct trigger {
	int64_t cause_ms; /* wall clock */
	bool six;	  /* a slice of IPv6 addresses */
	bool headless;	  /* the change shows in DNS */
};
/* Reports and clears all pending triggers. */
void triggers_done(struct triggers *t, void (*each)(void *ctx, const struct trigger *trigger), void *ctx);

#endif
