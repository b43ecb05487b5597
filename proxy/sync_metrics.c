/* Metrics of sync. */
#include "proxy/sync_metrics.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "proxy/triggers.h"

/* 1 ms doubling to 16 s, as kube-proxy. */
static const double sync_bounds[] = {0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128,
				     0.256, 0.512, 1.024, 2.048, 4.096, 8.192, 16.384};
#define SYNC_BOUNDS (sizeof sync_bounds / sizeof *sync_bounds)

/* kube-proxy's: 0, 0.25, 0.5, every second to 60, every 5 to 120, every 30 to 300. */
static const double programming_bounds[] = {
	0,  0.25, 0.5, 1,  2,  3,  4,  5,   6,	 7,   8,   9,	10,  11,  12,  13,  14,	 15, 16, 17, 18,
	19, 20,	  21,  22, 23, 24, 25, 26,  27,	 28,  29,  30,	31,  32,  33,  34,  35,	 36, 37, 38, 39,
	40, 41,	  42,  43, 44, 45, 46, 47,  48,	 49,  50,  51,	52,  53,  54,  55,  56,	 57, 58, 59, 60,
	65, 70,	  75,  80, 85, 90, 95, 100, 105, 110, 115, 120, 150, 180, 210, 240, 270, 300};
#define PROGRAMMING_BOUNDS (sizeof programming_bounds / sizeof *programming_bounds)

/* CoreDNS's: 1 ms doubling to 524 s. */
static const double dns_bounds[] = {0.001, 0.002, 0.004, 0.008, 0.016,	0.032,	0.064,	0.128,	 0.256,	  0.512,
				    1.024, 2.048, 4.096, 8.192, 16.384, 32.768, 65.536, 131.072, 262.144, 524.288};

#define HISTOGRAM(name, help)                                                       \
	{                                                                           \
		"kubeproxy_" name, help, METRIC_HISTOGRAM, sync_bounds, SYNC_BOUNDS \
	}
#define COUNTER(name, help)                                      \
	{                                                        \
		"kubeproxy_" name, help, METRIC_COUNTER, NULL, 0 \
	}
#define GAUGE(name, help)                                      \
	{                                                      \
		"kubeproxy_" name, help, METRIC_GAUGE, NULL, 0 \
	}

static const struct metric_desc sync_desc = HISTOGRAM("sync_proxy_rules_duration_seconds", "Duration of a sync.");
static const struct metric_desc full_desc =
	HISTOGRAM("sync_full_proxy_rules_duration_seconds", "Duration of a sync of the whole table.");
static const struct metric_desc partial_desc =
	HISTOGRAM("sync_partial_proxy_rules_duration_seconds", "Duration of a sync of what has changed.");
static const struct metric_desc programming_desc = {
	"kubeproxy_network_programming_duration_seconds",
	"From the cause of an endpoint change (endpoints.kubernetes.io/last-change-trigger-time) to the kernel.",
	METRIC_HISTOGRAM, programming_bounds, PROGRAMMING_BOUNDS};
static const struct metric_desc dns_desc = {
	"coredns_kubernetes_dns_programming_duration_seconds",
	"From the cause of an endpoint change (endpoints.kubernetes.io/last-change-trigger-time) to DNS.",
	METRIC_HISTOGRAM, dns_bounds, sizeof dns_bounds / sizeof *dns_bounds};
static const struct metric_desc last_desc =
	GAUGE("sync_proxy_rules_last_timestamp_seconds", "When the kernel was last brought in sync.");
static const struct metric_desc queued_desc =
	GAUGE("sync_proxy_rules_last_queued_timestamp_seconds", "When a sync was last asked for.");
static const struct metric_desc pending_desc[2] = {
	GAUGE("sync_proxy_rules_service_changes_pending", "Service changes that the kernel does not have yet."),
	GAUGE("sync_proxy_rules_endpoint_changes_pending", "EndpointSlice changes that the kernel does not have yet.")};
static const struct metric_desc total_desc[2] = {
	COUNTER("sync_proxy_rules_service_changes_total", "Service changes taken in."),
	COUNTER("sync_proxy_rules_endpoint_changes_total", "EndpointSlice changes taken in.")};
/* A gauge in spite of its name, as in kube-proxy. */
static const struct metric_desc no_local_desc =
	GAUGE("sync_proxy_rules_no_local_endpoints_total", "Service ports with a Local policy and no local endpoint.");
static const struct metric_desc failures_desc =
	COUNTER("sync_proxy_rules_nftables_sync_failures_total", "Transactions that the kernel refused.");
static const struct metric_desc cleanup_desc =
	COUNTER("sync_proxy_rules_nftables_cleanup_failures_total", "Clean-ups that the kernel refused.");
static const struct metric_desc conntrack_desc =
	HISTOGRAM("conntrack_reconciler_sync_duration_seconds", "Duration of a conntrack fix-up.");
static const struct metric_desc deleted_desc = COUNTER("conntrack_reconciler_deleted_entries_total",
						       "Conntrack entries deleted because their endpoint is gone.");

static const struct metric_desc quarantined_desc = {
	"fairlead_services_quarantined",
	"Services at their last good version: the newest asks for too much, or the kernel refuses it.", METRIC_GAUGE,
	NULL, 0};

struct sync_metrics {
	bool dns;
	struct metric_histogram sync, full, partial, conntrack, programming[2], dns_programming; /* [2]: by family */
	double last_s, queued_s;								 /* wall clock */
	uint64_t pending[2], total[2]; /* Services, EndpointSlices */
	int64_t no_local[2][2];	       /* internal, external; by family */
	struct sync_stats seen;	       /* at the last turn, as the next */
	struct stale_stats stale;
	struct triggers *triggers;
};

static const struct metric_label *const families[2] = {
	(const struct metric_label[]){{"ip_family", "IPv4"}, {NULL, NULL}},
	(const struct metric_label[]){{"ip_family", "IPv6"}, {NULL, NULL}}};

static void both_put(struct metrics_page *page, const struct metric_desc *desc, double value4, double value6)
{
	metrics_put(page, desc, families[0], value4);
	metrics_put(page, desc, families[1], value6);
}

static void histograms_put(struct metrics_page *page, const struct metric_desc *desc, const struct metric_histogram *h4,
			   const struct metric_histogram *h6)
{
	metrics_put_histogram(page, desc, families[0], h4->counts, h4->sum);
	metrics_put_histogram(page, desc, families[1], h6->counts, h6->sum);
}

static void no_local_put(struct metrics_page *page, const char *policy, const int64_t counts[2])
{
	for (size_t six = 0; six < 2; six++)
		metrics_put(page, &no_local_desc, METRIC_LABELS({"traffic_policy", policy}, *families[six]),
			    (double)counts[six]);
}

static void all_put(void *ctx, struct metrics_page *page)
{
	const struct sync_metrics *f = ctx;
	const double refused = (double)f->seen.refused, cleanups = (double)f->stale.failures;

	histograms_put(page, &sync_desc, &f->sync, &f->sync);
	histograms_put(page, &full_desc, &f->full, &f->full);
	histograms_put(page, &partial_desc, &f->partial, &f->partial);
	histograms_put(page, &programming_desc, &f->programming[0], &f->programming[1]);
	both_put(page, &last_desc, f->last_s, f->last_s);
	both_put(page, &queued_desc, f->queued_s, f->queued_s);
	both_put(page, &failures_desc, refused, refused);
	both_put(page, &cleanup_desc, cleanups, cleanups);
	histograms_put(page, &conntrack_desc, &f->conntrack, &f->conntrack);
	both_put(page, &deleted_desc, (double)f->stale.flows_deleted[0], (double)f->stale.flows_deleted[1]);
	metrics_put(page, &quarantined_desc, NULL, (double)f->seen.quarantined);
	for (size_t i = 0; i < 2; i++) {
		metrics_put(page, &pending_desc[i], NULL, (double)f->pending[i]);
		metrics_put(page, &total_desc[i], NULL, (double)f->total[i]);
	}
	no_local_put(page, "internal", f->no_local[0]);
	no_local_put(page, "external", f->no_local[1]);
	if (f->dns)
		metrics_put_histogram(page, &dns_desc, METRIC_LABELS({"service_kind", "headless_with_selector"}),
				      f->dns_programming.counts, f->dns_programming.sum);
}

struct sync_metrics *sync_metrics_new(struct metrics *m, bool dns)
{
	struct sync_metrics *f = mem_alloc(sizeof *f);

	f->dns = dns;
	f->triggers = triggers_new(clock_wall_ms());
	metrics_provider(m, all_put, f);
	return f;
}

void sync_metrics_free(struct sync_metrics *f)
{
	if (f == NULL)
		return;
	triggers_free(f->triggers);
	free(f);
}

void sync_metrics_changed(struct sync_metrics *f, const struct object *prev, const struct object *next)
{
	const enum object_kind kind = next != NULL ? next->kind : prev->kind;

	if (kind != OBJECT_SERVICE && kind != OBJECT_SLICE)
		return;
	f->queued_s = (double)clock_wall_ms() / 1e3;
	f->pending[kind == OBJECT_SLICE]++;
	f->total[kind == OBJECT_SLICE]++;
	if (kind == OBJECT_SLICE && next != NULL)
		triggers_add(f->triggers, (const struct slice_object *)next);
	else if (kind == OBJECT_SLICE)
		triggers_drop(f->triggers, (const struct slice_object *)prev);
}

/* Adds `by` for each port of the service whose Local policy finds no local endpoint. */
enum { NO_LOCAL_INTERNAL = 1, NO_LOCAL_EXTERNAL = 2 };

static void no_local_count(struct sync_metrics *f, const struct service *s, int by)
{
	uint8_t *lacks = s != NULL ? mem_array(s->port_count, sizeof *lacks) : NULL; /* by port */

	for (size_t i = 0; s != NULL && i < s->frontend_count; i++) {
		const struct frontend *front = &s->frontends[i];
		if (front->action != ACTION_DROP)
			continue;
		if (front->kind == FRONTEND_CLUSTER_IP)
			lacks[front->service_port] |= NO_LOCAL_INTERNAL;
		if (front->split)
			lacks[front->service_port] |= NO_LOCAL_EXTERNAL;
	}
	for (size_t i = 0; s != NULL && i < s->port_count; i++) {
		bool v6 = s->ports[i].family == AF_INET6;
		f->no_local[0][v6] += (lacks[i] & NO_LOCAL_INTERNAL) != 0 ? by : 0;
		f->no_local[1][v6] += (lacks[i] & NO_LOCAL_EXTERNAL) != 0 ? by : 0;
	}
	free(lacks);
}

void sync_metrics_published(struct sync_metrics *f, const struct service *prev, const struct service *next)
{
	no_local_count(f, prev, -1);
	no_local_count(f, next, 1);
	if (next != NULL)
		triggers_published(f->triggers, next);
}

/*
 * kube-proxy counts a slice where its family is programmed; CoreDNS knows the latency of headless services only. From a
 * clock ahead of ours it is 0: a sum that falls is a restart to Prometheus.
 */
static void trigger_done(void *ctx, const struct trigger *trigger)
{
	const int64_t now_ms = clock_wall_ms();
	const double took_s = now_ms > trigger->cause_ms ? (double)(now_ms - trigger->cause_ms) / 1e3 : 0;
	struct sync_metrics *f = ctx;

	metric_observe(&f->programming[trigger->six], &programming_desc, took_s);
	if (trigger->headless)
		metric_observe(&f->dns_programming, &dns_desc, took_s);
}

/* Everything queued is in the kernel. full: the whole table was loaded, or compared with what should be there. */
static void synced(struct sync_metrics *f, bool full, double duration_s)
{
	metric_observe(&f->sync, &sync_desc, duration_s);
	if (full)
		metric_observe(&f->full, &full_desc, duration_s);
	else
		metric_observe(&f->partial, &partial_desc, duration_s);
	f->last_s = (double)clock_wall_ms() / 1e3;
	triggers_done(f->triggers, trigger_done, f);
	f->pending[0] = f->pending[1] = 0;
}

void sync_metrics_turn(struct sync_metrics *f, const struct sync_stats *sync, const struct stale_stats *stale)
{
	if (sync->refused == f->seen.refused && sync->syncs != f->seen.syncs)
		synced(f, sync->full != f->seen.full, (double)sync->last_us / 1e6);
	if (stale->sweeps != f->stale.sweeps)
		metric_observe(&f->conntrack, &conntrack_desc, (double)stale->last_us / 1e6);
	f->seen = *sync;
	f->stale = *stale;
}
