/*
 * Queries that wait for an upstream's reply, and what they get. The forwarder's thread.
 */
#ifndef DNS_FORWARD_WAITERS_H
#define DNS_FORWARD_WAITERS_H

#include "dns/forward/counts.h"
#include "dns/forward/finish.h"

/* What all questions share. */
struct waiters {
	struct cache *cache;
	struct forward_counts *counts;
	struct finish finish;
	const struct forward_plan *plan;
	uint64_t search_limit_ns; /* of all steps of a search list */
	struct search_domains searches;
	struct forward_requests onward; /* whose search list goes on: the caller asks for them next */
};

void waiters_init(struct waiters *w, const struct forward_config *config, struct cache *cache,
		  struct forward_counts *counts);

void waiters_add(struct waiters *w, struct forward_requests *list, struct forward_request *r);
/* Answers all in the list, which is empty then. */
void waiters_reply(struct waiters *w, struct forward_requests *list, const struct outcome *o);
/* The same with what the cache knew (RFC 8767). False: nothing, or no query waits. */
bool waiters_reply_stale(struct waiters *w, struct forward_requests *list, const struct cache_key *key,
			 const struct origin *asked);
/* Answers one query, which does not wait. */
void waiters_answer(struct waiters *w, struct forward_request *r, const struct outcome *o);
/* The first name of its search list becomes the query's target. False: there is none, and it is answered. */
bool waiters_search(struct waiters *w, struct forward_request *r, const struct name *asked);
#endif
