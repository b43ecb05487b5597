/* Metrics of the forwarder and its cache, under the names of CoreDNS's plugins forward and cache. */
#include "dns/forward/cache.h"
#include "dns/forward/counts.h"
#include "dns/forward/forward.h"

#define CACHE_LABELS(...) METRIC_LABELS({"server", "dns://:53"}, __VA_ARGS__ __VA_OPT__(, ){"zones", "."}, {"view", ""})

static const struct metric_desc entries = {"coredns_cache_entries", "Answers in the cache.", METRIC_GAUGE, NULL, 0};
static const struct metric_desc asked = {"coredns_cache_requests_total", "Queries that looked into the cache.",
					 METRIC_COUNTER, NULL, 0};
static const struct metric_desc hits = {"coredns_cache_hits_total", "Queries that the cache answered.", METRIC_COUNTER,
					NULL, 0};
static const struct metric_desc misses = {"coredns_cache_misses_total", "Queries that the cache did not answer.",
					  METRIC_COUNTER, NULL, 0};
static const struct metric_desc prefetches = {"coredns_cache_prefetch_total",
					      "Popular answers that were asked for before they expired.",
					      METRIC_COUNTER, NULL, 0};
static const struct metric_desc stale = {"coredns_cache_served_stale_total", "Expired answers that were served.",
					 METRIC_COUNTER, NULL, 0};
static const struct metric_desc evictions = {"coredns_cache_evictions_total", "Answers that made room for others.",
					     METRIC_COUNTER, NULL, 0};
static const struct metric_desc bytes = {"fairlead_cache_bytes", "Memory of the answers in the cache.", METRIC_GAUGE,
					 NULL, 0};
static const struct metric_desc waiting = {"fairlead_forward_waiting", "Queries that wait for upstreams.", METRIC_GAUGE,
					   NULL, 0};
static const struct metric_desc rejects = {"coredns_forward_max_concurrent_rejects_total",
					   "Queries that got SERVFAIL because too many wait.", METRIC_COUNTER, NULL, 0};
static const struct metric_desc broken = {"coredns_forward_healthcheck_broken_total",
					  "Questions for which every upstream was skipped.", METRIC_COUNTER, NULL, 0};
static const struct metric_desc failures = {"coredns_proxy_healthcheck_failures_total",
					    "Attempts that brought no usable reply; they are the health check.",
					    METRIC_COUNTER, NULL, 0};
static const struct metric_desc durations = {"coredns_proxy_request_duration_seconds",
					     "From asking an upstream to its reply.", METRIC_HISTOGRAM,
					     respond_duration_bounds, COUNT_DURATIONS - 1};

static uint64_t get(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit((_Atomic uint64_t *)counter, memory_order_relaxed);
}

static void pair_put(struct metrics_page *page, const struct metric_desc *desc, const _Atomic uint64_t pair[2])
{
	metrics_put(page, desc, CACHE_LABELS({"type", "success"}), (double)get(&pair[0]));
	metrics_put(page, desc, CACHE_LABELS({"type", "denial"}), (double)get(&pair[1]));
}

static void cache_put_all(struct metrics_page *page, const struct cache_counts *c)
{
	pair_put(page, &entries, c->entries);
	pair_put(page, &hits, c->hits);
	pair_put(page, &evictions, c->evictions);
	metrics_put(page, &asked, CACHE_LABELS(), (double)(get(&c->hits[0]) + get(&c->hits[1]) + get(&c->misses)));
	metrics_put(page, &misses, CACHE_LABELS(), (double)get(&c->misses));
	metrics_put(page, &prefetches, CACHE_LABELS(), (double)get(&c->prefetches));
	metrics_put(page, &stale, CACHE_LABELS(), (double)get(&c->stale));
	metrics_put(page, &bytes, NULL, (double)get(&c->bytes));
}

static void upstream_put(struct metrics_page *page, const struct upstream_counts *c, const char *to)
{
	for (unsigned rcode = 0; rcode <= COUNT_RCODES; rcode++) {
		uint64_t buckets[COUNT_DURATIONS], all = 0;
		for (unsigned i = 0; i < COUNT_DURATIONS; i++)
			all += buckets[i] = get(&c->replies[rcode][i]);
		if (all > 0)
			metrics_put_histogram(page, &durations,
					      METRIC_LABELS({"proxy_name", "forward"}, {"to", to},
							    {"rcode", respond_rcode_name(rcode)}),
					      buckets, (double)get(&c->replies_ns[rcode]) / 1e9);
	}
}

static void upstreams_put(struct metrics_page *page, const struct forward_counts *c)
{
	char to[UPSTREAM_COUNTS_MAX][ADDR_PORT_TEXT_BYTES];
	size_t count = atomic_load_explicit((_Atomic size_t *)&c->upstream_count, memory_order_acquire);

	for (size_t i = 0; i < count; i++) {
		addr_port_format(&c->upstreams_to[i].addr, c->upstreams_to[i].port, to[i]);
		upstream_put(page, &c->upstreams[i], to[i]);
	}
	for (size_t i = 0; i < count; i++)
		metrics_put(page, &failures, METRIC_LABELS({"proxy_name", "forward"}, {"to", to[i]}),
			    (double)get(&c->upstreams[i].failures));
}

static void all_put(void *ctx, struct metrics_page *page)
{
	const struct forward_counts *c = forward_counts(ctx);

	cache_put_all(page, forward_cache_counts(ctx));
	metrics_put(page, &waiting, NULL, (double)get(&c->waiting));
	metrics_put(page, &rejects, NULL, (double)get(&c->rejects));
	metrics_put(page, &broken, NULL, (double)get(&c->all_down));
	upstreams_put(page, c);
}

void forward_metrics(const struct forward *forward, struct metrics *m)
{
	metrics_provider(m, all_put, (void *)(uintptr_t)forward);
}
