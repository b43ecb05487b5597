/* Who waits, and their replies. */
#include "dns/forward/waiters.h"

#include "base/clock.h"
#include "dns/answer/query_log.h"

void waiters_init(struct waiters *w, const struct forward_config *config, struct cache *cache,
		  struct forward_counts *counts)
{
	w->cache = cache;
	w->plan = config->plan;
	w->search_limit_ns = (uint64_t)config->timeout_ms * 2000000;
	STAILQ_INIT(&w->onward);
	w->counts = counts;
	w->finish.edns = config->edns;
	w->finish.counts = &counts->later;
	if (config->log != NULL)
		w->finish.log = querylog_ring(config->log, &counts->later);
}

void waiters_add(struct waiters *w, struct forward_requests *list, struct forward_request *r)
{
	w->counts->waiting++;
	STAILQ_INSERT_TAIL(list, r, link);
}

/* A step of a search list has its answer. */
static void search_on(struct waiters *w, struct forward_request *r, const struct outcome *o)
{
	static const char text[] = "a name of the search list could not be asked for";
	struct outcome end = *o;
	struct records failure;
	struct query q;
	enum search_verdict verdict;

	if (query_parse(&q, r->query, r->query_bytes) != QUERY_OK) { /* the worker has parsed it */
		forward_send(r, NULL, 0);
		return;
	}
	verdict = search_next(&r->search, w->plan, &w->searches, &q, o->records, &r->target);
	if (verdict == SEARCH_ASK && clock_ns() - r->received_ns > w->search_limit_ns)
		verdict = SEARCH_FAILED;
	switch (verdict) {
	case SEARCH_ASK:
		STAILQ_INSERT_TAIL(&w->onward, r, link);
		return;
	case SEARCH_MISSING:
		end.records = NULL;
		break;
	case SEARCH_FAILED:
		r->target.length = 0;
		r->search.labels = 0;
		failure = records_failure(text, EDE_OTHER);
		if (o->records->rcode == RCODE_NOERROR || o->records->rcode == RCODE_NXDOMAIN)
			end.records = &failure;
		break;
	default:
		break;
	}
	finish_request(&w->finish, r, &end);
}

static void hand(struct waiters *w, struct forward_request *r, const struct outcome *o)
{
	if (r->search.labels > 0)
		search_on(w, r, o);
	else
		finish_request(&w->finish, r, o);
}

void waiters_answer(struct waiters *w, struct forward_request *r, const struct outcome *o)
{
	finish_begin(&w->finish);
	hand(w, r, o);
}

bool waiters_search(struct waiters *w, struct forward_request *r, const struct name *asked)
{
	if (search_begin(&r->search, w->plan, &w->searches, asked, &r->target))
		return true;
	finish_request(&w->finish, r, &(struct outcome){0});
	return false;
}

void waiters_reply(struct waiters *w, struct forward_requests *list, const struct outcome *o)
{
	struct forward_request *r;

	finish_begin(&w->finish);
	while ((r = STAILQ_FIRST(list)) != NULL) {
		STAILQ_REMOVE_HEAD(list, link);
		w->counts->waiting--;
		hand(w, r, o);
	}
}

bool waiters_reply_stale(struct waiters *w, struct forward_requests *list, const struct cache_key *key,
			 const struct origin *asked)
{
	struct records stale;
	struct outcome o = {.records = &stale, .ttl_max_s = CACHE_STALE_TTL_S, .origin = *asked};

	if (STAILQ_EMPTY(list) || !cache_stale_records(w->cache, key, cache_now_s(), &stale))
		return false;
	o.origin.cache = ORIGIN_STALE;
	waiters_reply(w, list, &o);
	return true;
}
