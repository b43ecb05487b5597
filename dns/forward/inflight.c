/* Which queries are answered, wait or ask; search lists that go on. */
#include "dns/forward/inflight.h"

#include <stdlib.h>

#include "base/mem.h"
#include "dns/forward/pending.h"
#include "dns/forward/routes.h"

struct inflight {
	struct pendings all;
};

/* What the cache holds. A worker has looked for the query's own name already, but not for those of its search list. */
static bool answer_cached(struct inflight *i, const struct cache_key *key, const struct query *q,
			  struct forward_request *r)
{
	struct cache_hit hit;

	if (r->search.labels > 0 ? !cache_find(i->all.cache, key, cache_now_s(), &hit)
				 : !cache_find_again(i->all.cache, key, cache_now_s(), &hit))
		return false;
	if (hit.refresh && quota_take_more(i->all.quota, r->place))
		pending_prefetch(&i->all, key, &r->target, q, r->place);
	waiters_answer(&i->all.waiters, r, &(struct outcome){hit.records, hit.age_s, hit.ttl_s, {.cache = ORIGIN_HIT}});
	return true;
}

static void ask(struct inflight *i, struct forward_request *r, bool prefetch)
{
	struct query q;
	struct cache_key key;

	if (query_parse(&q, r->query, r->query_bytes) != QUERY_OK) {
		forward_send(r, NULL, 0);
		return;
	}
	if (r->search.labels > 0 && r->target.length == 0 && !waiters_search(&i->all.waiters, r, &q.name))
		return;
	const struct name *name = r->target.length > 0 ? &r->target : &q.name;
	q.type = (uint16_t)search_type(&r->search, q.type);
	cache_key_make(&key, name, q.type, q.dnssec_ok, (q.flags & FLAG_CD) != 0);
	struct pending *p = map_get(&i->all.map, key.bytes, key.length);
	if (prefetch) {
		if (p == NULL) {
			pending_prefetch(&i->all, &key, &q.name, &q, r->place);
			r->place = QUOTA_NONE;
		}
		forward_send(r, NULL, 0);
	} else if (p == NULL && answer_cached(i, &key, &q, r)) {
		return;
	} else if (p != NULL) {
		waiters_add(&i->all.waiters, &p->waiters, r);
		if (p->place != QUOTA_NONE) /* the others got a stale answer */
			pending_reply_stale(p);
	} else {
		pending_ask(&i->all, &key, name, &q, r);
	}
}

static void go_on(void *ctx)
{
	struct inflight *i = ctx;
	struct forward_request *r;

	while ((r = STAILQ_FIRST(&i->all.waiters.onward)) != NULL) {
		STAILQ_REMOVE_HEAD(&i->all.waiters.onward, link);
		ask(i, r, false);
	}
}

void inflight_ask(struct inflight *i, struct forward_request *r, bool prefetch)
{
	ask(i, r, prefetch);
	go_on(i);
}

struct inflight *inflight_new(const struct forward_config *config, struct ev_loop *loop, struct cache *cache,
			      struct forward_counts *counts, struct loop_marks *marks, struct quota *quota)
{
	struct inflight *i = mem_alloc(sizeof *i);

	i->all.timeout_ms = config->timeout_ms;
	i->all.answered = go_on;
	i->all.ctx = i;
	i->all.loop = loop;
	i->all.cache = cache;
	i->all.counts = counts;
	i->all.quota = quota;
	waiters_init(&i->all.waiters, config, cache, counts);
	i->all.routes = routes_new(config->plan, loop, counts, marks);
	return i;
}

void inflight_set_upstreams(struct inflight *i, const struct forward_server *to, size_t count)
{
	routes_set(i->all.routes, to, count);
}

void inflight_set_searches(struct inflight *i, const struct search_domains *d)
{
	i->all.waiters.searches = *d;
}

void inflight_free(struct inflight *i)
{
	struct pending *p;
	struct forward_request *r;

	for (size_t at = 0; (p = map_next(&i->all.map, &at)) != NULL;) {
		while ((r = STAILQ_FIRST(&p->waiters)) != NULL) {
			STAILQ_REMOVE_HEAD(&p->waiters, link);
			forward_send(r, NULL, 0);
		}
		pending_free(p);
	}
	map_fini(&i->all.map);
	routes_free(i->all.routes);
	free(i);
}
