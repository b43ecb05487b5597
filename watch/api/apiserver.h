/*
 * Source: a Kubernetes API server. Follows every kind by a list and a watch of its own, all over one HTTP/2 connection
 * where the server has that, and tells the sink (watch/source.h). Whatever fails is tried again, for ever; the sink's
 * last state stays meanwhile. Main thread, on its libev loop.
 */
#ifndef WATCH_API_APISERVER_H
#define WATCH_API_APISERVER_H

#include "base/metrics.h"
#include "watch/api/credentials.h"
#include "watch/source.h"

struct ev_loop;
struct apiserver;

struct apiserver_config {
	struct ev_loop *loop;
	struct sink sink;
	const char *node_name; /* whose Node and Pods are followed */
	/*
	 * For the proxy alone, what it does not serve is left out on the server: headless Services and those of other
	 * proxies. DNS needs all of them, and Namespaces, and the Pods of this node.
	 */
	bool proxy_only;
	bool all_pods;		 /* those of the other nodes too: their names must exist here as well */
	const char *proxy_name;	 /* value of the label service-proxy-name that is ours; NULL = Services without it */
	struct metrics *metrics; /* may be NULL */
	/* Nothing has answered since then (clock_ms); 0: it answers again. Called on each change; may be NULL. */
	void (*away)(void *ctx, uint64_t since_ms);
	void *away_ctx;
	uint32_t watch_quiet_ms; /* 0 = 150 s: bookmarks come every minute */
	uint32_t list_quiet_ms;	 /* 0 = 30 s */
};

/* Takes over the credentials (leaves them zeroed), also when it fails: NULL and one line in error. */
struct apiserver *apiserver_new(const struct apiserver_config *config, struct credentials *credentials,
				char error[ERROR_BYTES]);
void apiserver_free(struct apiserver *a); /* NULL is fine */

/* For status and people. */
struct apiserver_state {
	const char *server;  /* URL */
	bool reachable;	     /* the last thing heard of it was an answer */
	bool complete;	     /* every kind was listed */
	const char *problem; /* last failure, "" = none since the last answer */
	uint64_t heard_ms;   /* clock_ms of the last bytes; 0 = never */
	uint64_t events;     /* since start */
	uint64_t lists;	     /* completed */
};

void apiserver_state(const struct apiserver *a, struct apiserver_state *state);

#endif
