/* Metrics of sync. */
#include "observe/metrics_sync.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "observe/triggers.h"

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

struct metrics_sync {
	struct metric *sync[2], *full[2], *partial[2], *programming[2]; /* by family */
	struct metric *last[2], *queued[2], *failures[2], *cleanup_failures[2];
	struct metric *conntrack[2], *deleted[2], *quarantined;
	struct metric *pending[2], *total[2]; /* Services, EndpointSlices */
	struct metric *no_local[2][2];	      /* internal, external; by family */
	struct metric *dns;		      /* NULL: no DNS */
	struct triggers *triggers;
};

static void add_both(struct metrics *m, const struct metric_desc *desc, struct metric *into[2])
{
	into[0] = metrics_add(m, desc, METRIC_LABELS({"ip_family", "IPv4"}));
	into[1] = metrics_add(m, desc, METRIC_LABELS({"ip_family", "IPv6"}));
}

static void add_no_local(struct metrics *m, const char *policy, struct metric *into[2])
{
	into[0] = metrics_add(m, &no_local_desc, METRIC_LABELS({"traffic_policy", policy}, {"ip_family", "IPv4"}));
	into[1] = metrics_add(m, &no_local_desc, METRIC_LABELS({"traffic_policy", policy}, {"ip_family", "IPv6"}));
}

struct metrics_sync *metrics_sync_new(struct metrics *m, bool dns)
{
	struct metrics_sync *f = mem_alloc(sizeof *f);

	add_both(m, &sync_desc, f->sync);
	add_both(m, &full_desc, f->full);
	add_both(m, &partial_desc, f->partial);
	add_both(m, &programming_desc, f->programming);
	add_both(m, &last_desc, f->last);
	add_both(m, &queued_desc, f->queued);
	add_both(m, &failures_desc, f->failures);
	add_both(m, &cleanup_desc, f->cleanup_failures);
	add_both(m, &conntrack_desc, f->conntrack);
	add_both(m, &deleted_desc, f->deleted);
	f->quarantined = metrics_add(m, &quarantined_desc, NULL);
	for (size_t i = 0; i < 2; i++) {
		f->pending[i] = metrics_add(m, &pending_desc[i], NULL);
		f->total[i] = metrics_add(m, &total_desc[i], NULL);
	}
	add_no_local(m, "internal", f->no_local[0]);
	add_no_local(m, "external", f->no_local[1]);
	if (dns)
		f->dns = metrics_add(m, &dns_desc, METRIC_LABELS({"service_kind", "headless_with_selector"}));
	f->triggers = triggers_new(clock_wall_ms());
	return f;
}

void metrics_sync_free(struct metrics_sync *f)
{
	if (f == NULL)
		return;
	triggers_free(f->triggers);
	free(f);
}

static void set_both(struct metric *const of[2], double value)
{
	metric_set(of[0], value);
	metric_set(of[1], value);
}

static void observe_both(struct metric *const of[2], double value)
{
	metric_observe(of[0], value);
	metric_observe(of[1], value);
}

static void inc_both(struct metric *const of[2])
{
	metric_inc(of[0]);
	metric_inc(of[1]);
}

void metrics_sync_changed(struct metrics_sync *f, const struct object *prev, const struct object *next)
{
	const enum object_kind kind = next != NULL ? next->kind : prev->kind;

	if (kind != OBJECT_SERVICE && kind != OBJECT_SLICE)
		return;
	set_both(f->queued, (double)clock_wall_ms() / 1e3);
	metric_inc(f->pending[kind == OBJECT_SLICE]);
	metric_inc(f->total[kind == OBJECT_SLICE]);
	if (kind == OBJECT_SLICE && next != NULL)
		triggers_add(f->triggers, (const struct slice_object *)next);
	else if (kind == OBJECT_SLICE)
		triggers_drop(f->triggers, (const struct slice_object *)prev);
}

/* Adds `by` for each port of the service whose Local policy finds no local endpoint. */
enum { NO_LOCAL_INTERNAL = 1, NO_LOCAL_EXTERNAL = 2 };

static void no_local_count(struct metrics_sync *f, const struct service *s, double by)
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
		metric_add(f->no_local[0][v6], (lacks[i] & NO_LOCAL_INTERNAL) != 0 ? by : 0);
		metric_add(f->no_local[1][v6], (lacks[i] & NO_LOCAL_EXTERNAL) != 0 ? by : 0);
	}
	free(lacks);
}

void metrics_sync_service(struct metrics_sync *f, const struct service *prev, const struct service *next)
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
	struct metrics_sync *f = ctx;

	metric_observe(f->programming[trigger->six], took_s);
	if (trigger->headless)
		metric_observe(f->dns, took_s);
}

void metrics_sync_synced(struct metrics_sync *f, bool full, double duration_s)
{
	observe_both(f->sync, duration_s);
	observe_both(full ? f->full : f->partial, duration_s);
	set_both(f->last, (double)clock_wall_ms() / 1e3);
	triggers_done(f->triggers, trigger_done, f);
	metric_set(f->pending[0], 0);
	metric_set(f->pending[1], 0);
}

void metrics_sync_sync_failed(struct metrics_sync *f)
{
	inc_both(f->failures);
}

void metrics_sync_quarantined(struct metrics_sync *f, size_t services)
{
	metric_set(f->quarantined, (double)services);
}

void metrics_sync_cleanup_failed(struct metrics_sync *f)
{
	inc_both(f->cleanup_failures);
}

void metrics_sync_conntrack(struct metrics_sync *f, double duration_s, const uint64_t deleted[2])
{
	observe_both(f->conntrack, duration_s);
	metric_add(f->deleted[0], (double)deleted[0]);
	metric_add(f->deleted[1], (double)deleted[1]);
}
