/*
 * Is this node's proxy healthy? kube-proxy's rules as a pure function of a few timestamps and flags,
 * and the pages /healthz, /livez and /readyz made from it. One transaction carries both families, so they share one
 * state; the JSON shows it for each, where load balancers and scripts look for it.
 *
 * The main thread tells what happens; any thread asks for pages. A main thread that is stuck cannot tell, so it also
 * says from time to time that it runs: when it has not for the limit, the proxy is not healthy.
 */
#ifndef OBSERVE_HEALTH_H
#define OBSERVE_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/metrics.h"
#include "observe/http.h"
#include "watch/object.h"

/* kube-proxy: twice its sync period of 30 s. */
#define HEALTH_LIMIT_MS 60000U

/* What is known about our own Node object. */
enum health_node {
	HEALTH_NODE_UNTRACKED, /* the source has no nodes (manifests): eligible */
	HEALTH_NODE_MISSING,
	HEALTH_NODE_PRESENT,
	HEALTH_NODE_LEAVING /* being deleted, or tainted by the cluster autoscaler */
};

struct binding_problem;

struct health_state {		   /* all zero = starting up */
	uint64_t alive_ms;	   /* monotonic; when the main thread last said that it runs; 0 = not yet */
	uint64_t pending_since_ms; /* monotonic; oldest change that the kernel does not have yet; 0 = none */
	int64_t synced_wall_ms;	   /* last time the kernel was in sync; 0 = never */
	bool failed;		   /* the last transaction was refused and waits for its retry */
	enum health_node node;
	const struct binding_problem *dns; /* addresses that DNS does not serve; borrowed */
	size_t dns_count;
};

struct health_now {
	uint64_t ms;	 /* monotonic */
	int64_t wall_ms; /* since 1970 */
};

struct health_verdict {
	bool healthy;	    /* neither a change nor the main thread's word has been waited for longer than the limit */
	bool node_eligible; /* a load balancer may use this node */
	bool ready; /* healthy, the kernel holds a complete state without refused changes, DNS serves its addresses */
};

struct health_verdict health_decide(const struct health_state *state, struct health_now now, uint64_t limit_ms);

enum health_page { HEALTH_PAGE_HEALTHZ, HEALTH_PAGE_LIVEZ, HEALTH_PAGE_READYZ };

/* The status code of a page and, as its body, kube-proxy's JSON. */
unsigned health_render(enum health_page page, const struct health_state *state, struct health_now now,
		       uint64_t limit_ms, struct buf *body);

/* ---- the daemon's own state ---- */

#define HEALTH_ALIVE_PER_LIMIT 12U /* so many times in the limit the main thread says that it runs */

struct health;

/* tracked: the source has nodes, so that ours is missing until it is seen. metrics may be NULL. Main thread, as these:
 */
struct health *health_new(uint64_t limit_ms, bool tracked, struct metrics *metrics);
void health_free(struct health *h);   /* after metrics' last page; NULL is fine */
void health_alive(struct health *h);  /* the main thread runs */
void health_queued(struct health *h); /* a change that the kernel should get has arrived */
void health_synced(struct health *h); /* the kernel is in sync */
void health_failed(struct health *h); /* a transaction was refused */
/* Our own Node object; NULL while there is none. */
void health_node_set(struct health *h, const struct node_object *node);
/* The addresses that DNS does not serve; copied, but for the reasons. */
void health_dns_set(struct health *h, const struct binding_problem *problems, size_t count);

/* Any thread. */
bool health_is_healthy(struct health *h); /* as /livez */
/* An http_handler_fn, which answers all; ctx is a struct health. */
bool health_handle(void *ctx, const char *path, struct http_reply *reply);

#endif
