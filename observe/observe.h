/*
 * What the daemon tells the outside about itself: health, figures and health check node ports, on the HTTP ports that
 * the flags name. It only watches: sync and store know nothing of it. Main thread.
 */
#ifndef OBSERVE_OBSERVE_H
#define OBSERVE_OBSERVE_H

#include "base/metrics.h"
#include "observe/http.h"
#include "proxy/stale.h"
#include "service/node.h"
#include "service/service.h"
#include "proxy/sync.h"
#include "watch/object.h"

struct ev_loop;
struct report;

struct report_config {			   /* copied; what it points at outlives the report */
	bool apiserver;			   /* the source is an API server: the Node object decides about health, too */
	bool proxy, dns;		   /* halves that run */
	struct http_bind healthz, metrics; /* port 0: none */
	const struct nodeports *nodeports;
};

/* Opens the ports; one that is taken is tried again later. */
struct report *report_new(struct ev_loop *loop, const struct report_config *config);
void report_free(struct report *r); /* NULL is fine */
/* Where other modules register their figures. */
struct metrics *report_metrics(struct report *r);

/* An object was taken in; prev or next NULL. */
void report_changed(struct report *r, const struct object *prev, const struct object *next);
/* This node's addresses or its Node object changed; object NULL: there is none. */
void report_node(struct report *r, const struct node *node, const struct node_object *object);
/* The kernel has this service now; prev or next NULL. */
void report_published(struct report *r, const struct service *prev, const struct service *next);
/* After every sync_turn and stale_turn. */
void report_turn(struct report *r, const struct sync_stats *sync, const struct stale_stats *stale);

#endif
