/*
 * Names outside the cluster: a cache that workers read, and one thread that asks upstreams for what it does not hold.
 * A worker never waits: it hands the query over (a bounded ring of its own) and goes on; the forwarder's thread sends
 * the reply from the socket that the query came to. Identical questions in flight are asked once.
 */
#ifndef DNS_FORWARD_FORWARD_H
#define DNS_FORWARD_FORWARD_H

#include "base/metrics.h"
#include "dns/answer/packet.h"
#include "dns/forward/cache.h"
#include "dns/forward/counts.h"
#include "dns/forward/request.h"

struct forward;

struct forward *forward_new(const struct forward_config *config);
void forward_start(struct forward *f);
/* Joins the thread, which gives back what waits, without a reply. Before sockets and ports go. NULL is fine, as for
 * free. */
void forward_stop(struct forward *f);
void forward_free(struct forward *f);

/*
 * Forgets what is known of `name`, or of every name when NULL; waits until the thread has done it. Returns how many
 * answers went. Between start and stop, by the thread that calls these.
 */
size_t forward_flush(struct forward *f, const struct name *name);

/* The servers for all names but the stub domains', from now on; at most UPSTREAMS_MAX, copied. As forward_flush. */
void forward_set_upstreams(struct forward *f, const struct forward_server *to, size_t count);

/* The host's search domains, from now on; copied. As forward_flush. */
void forward_set_searches(struct forward *f, const struct search_domains *d);

/* A worker's side; before it starts. deliver: called in the forwarder's thread, takes the request; NULL: sendmsg. */
typedef void forward_deliver_fn(void *ctx, struct forward_request *r);
struct forward_port *forward_port(struct forward *f, forward_deliver_fn *deliver, void *ctx);
void forward_request_free(struct forward_request *r);
/* Gives back what the stopped thread has not taken. Neither the port's worker nor the forwarder runs any more. */
void forward_port_drain(struct forward_port *p);

/* Any thread, until forward_free. */
bool forward_is_idle(const struct forward *f); /* no query waits here, in a ring or for an upstream */
const struct forward_counts *forward_counts(const struct forward *f);
const struct cache_counts *forward_cache_counts(const struct forward *f);
/* Registers these; the forwarder outlives the last page. */
void forward_metrics(const struct forward *forward, struct metrics *m);

/* Worker. False: no server is there for this name, it is to be refused. */
bool forward_serves(const struct forward_port *p, const struct name *name);
/* Worker, RCU reader. True: the reply is written. False: hand the query over. */
bool forward_answer(struct forward_port *p, const struct packet *in, const struct dns_client *client,
		    const struct query *q, struct reply *r);
/*
 * Worker, RCU reader. Copies the query. False: too many wait, in all or of this client; the reply is written, a stale
 * answer or SERVFAIL.
 */
bool forward_hand_over(struct forward_port *p, const struct packet *in, const struct dns_client *client,
		       const struct query *q, struct reply *r);
/*
 * Worker. The reply ends with a CNAME to a name outside (outside_at). True: it was handed over with what is written,
 * the forwarder finishes it. False: it stays as it is, for no server is there for that name; or too many wait, and it
 * is SERVFAIL: a part of the answer would say that there is no more.
 */
bool forward_finish(struct forward_port *p, const struct packet *in, const struct dns_client *client,
		    struct reply *so_far);
/*
 * Worker. The reply says NXDOMAIN, and search_labels that the client's own name may exist outside. False: too many
 * wait; it stays as it is, and the client goes on with its search list by itself.
 */
bool forward_search(struct forward_port *p, const struct packet *in, const struct dns_client *client,
		    const struct reply *miss);

#endif
