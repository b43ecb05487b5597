/* Metrics of the API server source. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "watch/api/apiserver_private.h"

static const struct metric_desc requests = {"rest_client_requests_total",
					    "Number of HTTP requests, partitioned by status code, method, and host",
					    METRIC_COUNTER, NULL, 0};
static const struct metric_desc events = {"fairlead_watch_events_total", "Watch events received, by resource",
					  METRIC_COUNTER, NULL, 0};
static const struct metric_desc lists = {
	"fairlead_watch_lists_total",
	"Complete lists received, by resource: more than one each means that a watch was lost", METRIC_COUNTER, NULL,
	0};
static const struct metric_desc heard = {"fairlead_watch_last_heard_timestamp_seconds",
					 "When bytes last came from the API server", METRIC_GAUGE, NULL, 0};

static void requests_put(struct metrics_page *page, const struct apiserver *a)
{
	char code[16];

	for (int status = 0; status < REQUEST_CODES; status++) {
		if (a->all.requests[status] == 0)
			continue;
		snprintf(code, sizeof code, "%d", status);
		metrics_put(page, &requests,
			    METRIC_LABELS({"code", status != 0 ? code : "<error>"},
					  {"host", strchr(a->credentials.server, ':') + 3}, {"method", "GET"}),
			    (double)a->all.requests[status]);
	}
}

static void by_kind_put(struct metrics_page *page, const struct apiserver *a, const struct metric_desc *desc,
			const uint64_t counts[OBJECT_KINDS])
{
	for (size_t i = 0; i < a->watcher_count; i++) {
		const struct reflector_resource *resource = &a->watchers[i].resource;
		metrics_put(page, desc, METRIC_LABELS({"resource", resource->plural}), (double)counts[resource->kind]);
	}
}

static void all_put(void *ctx, struct metrics_page *page)
{
	const struct apiserver *a = ctx;
	const double ago_s = (double)(clock_ms() - a->heard_ms) / 1000.0;

	requests_put(page, a);
	by_kind_put(page, a, &events, a->all.events);
	by_kind_put(page, a, &lists, a->all.lists);
	if (a->heard_ms != 0)
		metrics_put(page, &heard, NULL, (double)clock_wall_ms() / 1000.0 - ago_s);
}

void apiserver_metrics(struct apiserver *a)
{
	metrics_provider(a->config.metrics, all_put, a);
}
