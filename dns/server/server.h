/*
 * The DNS server: UDP workers and TCP, answering from one zone. An address that cannot be bound yet is tried again
 * (bindings.h); the others are served meanwhile. Threads are the server's own; stop joins them. Main thread.
 */
#ifndef DNS_SERVER_SERVER_H
#define DNS_SERVER_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr_port.h"
#include "base/metrics.h"
#include "dns/forward/cache.h"
#include "dns/forward/plan.h"
#include "dns/zone/zone.h"

struct clients;

struct server_config {
	const struct addr_port *listen;
	size_t listen_count;
	size_t extra_max;		    /* addresses of server_extra_set at most */
	unsigned workers;		    /* UDP threads per address, ≥ 1 */
	const struct forward_plan *forward; /* names outside the cluster; NULL: they are REFUSED. Borrowed. */
	uint32_t forward_timeout_ms;
	struct cache_config cache;
	struct zone *zone;	       /* borrowed, outlives the server */
	unsigned log_every;	       /* query log: every Nth query of a thread; 0: none */
	const char *log_suffix;	       /* only names at or below this one; NULL: all */
	bool debug_names;	       /* whoami.dns, status.dns, SVC.NS.why.dns are answered */
	bool autopath;		       /* pods' search lists are finished here */
	bool fixed_order;	       /* true: addresses of an answer do not rotate */
	const char *nsid;	       /* told to who asks (RFC 5001), at most 63 bytes; NULL: nothing. Copied. */
	const char *version;	       /* version.bind CH TXT; NULL: REFUSED. Borrowed. */
	const char *identity;	       /* id.server CH TXT; NULL: REFUSED. Borrowed. */
	const struct clients *clients; /* whom we know; NULL: everyone. Borrowed, outlives the server */
	const struct cidr *transfer;   /* who may transfer the zone (AXFR); borrowed */
	size_t transfer_count;
};

struct server;

/* NULL with *error (a line, valid until the next call) on a failure that waiting cannot cure. */
struct server *server_start(const struct server_config *config, const char **error);
/* Tries again what is not bound, and looks which addresses the host has: after a change of them, and now and then. */
void server_retry(struct server *s);
/*
 * Serves these addresses too, at most extra_max, and no further ones; see bindings_extra_set. Call server_retry for
 * those that cannot be bound yet.
 */
void server_extra_set(struct server *s, const struct addr_port *addrs, size_t count);
const char *server_extra_reason(const struct server *s, const struct addr_port *at); /* NULL: it is served */
/* Every thread takes what comes for it; asked again after some time, for a thread is given until the next call. */
bool server_is_alive(struct server *s);
bool server_bound(const struct server *s); /* every socket of config.listen is */
/* Addresses that are not served, as of the last try; borrowed until the next. */
struct binding_problem;
const struct binding_problem *server_problems(const struct server *s, size_t *count);
/* Waits until the queries that came over UDP are taken, so that server_stop answers them; at most that long. */
void server_drain(const struct server *s, unsigned limit_ms);
/*
 * Another process serves the sockets too, and from now on alone: takes no queries over UDP and no connections, and
 * closes nothing. What was taken is answered. server_has_left: all of it is, as of the last server_is_alive.
 */
void server_leave(struct server *s);
bool server_has_left(const struct server *s);
void server_stop(struct server *s); /* NULL is fine */

/* Sums of all workers. */
struct server_counts {
	uint64_t queries, nxdomain, nodata;
};
void server_counts(const struct server *s, struct server_counts *out);
/* Calls `each` with the counters of every worker and the forwarder (respond_counts.h), which go on counting. */
struct respond_counts;
struct forward;
void server_each_counts(const struct server *s, void (*each)(void *ctx, const struct respond_counts *counts),
			void *ctx);
struct forward *server_forward(const struct server *s); /* NULL: none */
/* Registers them, and the forwarder's, under CoreDNS's names; the server outlives the last page. */
void server_metrics(struct server *server, struct metrics *m);

#endif
