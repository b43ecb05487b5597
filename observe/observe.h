/*
 * What the daemon tells the outside about itself: health, metrics and health check node ports, on the HTTP ports that
 * the flags name. It only watches: sync and store know nothing of it. The requests thread serves the pages. Main
 * thread.
 */
#ifndef OBSERVE_OBSERVE_H
#define OBSERVE_OBSERVE_H

#include "base/metrics.h"
#include "dns/server/bindings.h"
#include "observe/http.h"
#include "service/node.h"
#include "service/service.h"
#include "proxy/sync.h"
#include "watch/object.h"

struct ev_loop;
struct observe;
struct requests;

struct observe_config {			   /* copied; what it points at outlives the report */
	bool apiserver;			   /* the source is an API server: the Node object decides about health, too */
	bool proxy;			   /* the kernel half runs */
	struct addr_port healthz, metrics; /* port 0: none; a wildcard: both families */
	const struct nodeports *nodeports;
	uint64_t health_limit_ms; /* HEALTH_LIMIT_MS but in tests */
};

struct page_config;

/* Opens the ports; one that is taken is tried again later. */
struct observe *observe_new(struct ev_loop *loop, struct requests *requests, const struct observe_config *config);
void observe_free(struct observe *r); /* after requests_stop; NULL is fine */
/* The addresses of health and metrics pages are bound; health check node ports come and go. */
void observe_retry(struct observe *r); /* the daemon's own ports may be free now */
bool observe_bound(const struct observe *r);
/* Serves the page of observe/page/page.h there. Once, after observe_new. */
void observe_page(struct observe *r, const struct addr_port *at, const struct page_config *config);
/* Where other modules register their metrics. */
struct metrics *observe_metrics(struct observe *r);

/* The addresses that DNS does not serve, now: /readyz tells them. */
void observe_dns(struct observe *r, const struct binding_problem *problems, size_t count);
/* This node's addresses or its Node object changed; object NULL: there is none. */
void observe_node(struct observe *r, const struct node *node, const struct node_object *object);
/* The kernel has this service now; prev or next NULL. */
void observe_published(struct observe *r, const struct service *prev, const struct service *next);
/* After every sync_turn. */
void observe_turn(struct observe *r, const struct sync_stats *sync);

#endif
