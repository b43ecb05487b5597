/* Metrics of sync: what a page shows after objects, services and turns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <netinet/in.h>

#include "base/clock.h"
#include "proxy/sync_metrics.h"
#include "proxy/triggers.h"

static struct buf page;
static struct sync_stats sync_now; /* what the turns say; each test starts anew */
static struct stale_stats stale_now;

static bool has(const char *line)
{
	return strstr(page.data, line) != NULL;
}

static void render(struct metrics *m)
{
	buf_clear(&page);
	metrics_render(m, &page);
}

static struct sync_metrics *start(struct metrics *m, bool dns)
{
	sync_now = (struct sync_stats){0};
	stale_now = (struct stale_stats){0};
	return sync_metrics_new(m, dns);
}

static void synced(struct sync_metrics *f, bool full, uint64_t took_us)
{
	sync_now.syncs++;
	sync_now.full += full;
	sync_now.last_us = took_us;
	sync_metrics_turn(f, &sync_now, &stale_now);
}

static void refused(struct sync_metrics *f)
{
	sync_now.refused++;
	sync_metrics_turn(f, &sync_now, &stale_now);
}

static void take(struct sync_metrics *f, const struct object *o)
{
	sync_metrics_changed(f, NULL, o);
}

static struct slice_object slice_make(const char *service, int family, int64_t trigger_ms)
{
	return (struct slice_object){.object = {.kind = OBJECT_SLICE, .ns = "default", .name = "x"},
				     .service_name = service,
				     .family = family,
				     .trigger_ms = trigger_ms};
}

static void slice_take(struct sync_metrics *f, const char *service, int family, int64_t trigger_ms)
{
	const struct slice_object slice = slice_make(service, family, trigger_ms);

	take(f, &slice.object);
}

static void slice_remove(struct sync_metrics *f, const char *service, int family)
{
	const struct slice_object slice = slice_make(service, family, 0);

	sync_metrics_changed(f, &slice.object, NULL);
}

#define NETWORK(family, count) \
	"\nkubeproxy_network_programming_duration_seconds_count{ip_family=\"" family "\"} " count "\n"
#define DNS(what, count) "\ncoredns_kubernetes_dns_programming_duration_seconds_" what " " count "\n"
#define KIND "service_kind=\"headless_with_selector\""

/* From the annotation to the kernel, by the slice's family; for headless services, to DNS too. */
static void programming_latencies(void **state)
{
	struct metrics *m = metrics_new();
	struct sync_metrics *f = start(m, true);
	const struct service headless = {.ns = "default", .name = "db", .dns_kind = DNS_HEADLESS};
	const struct service web = {.ns = "default", .name = "web", .dns_kind = DNS_CLUSTER_IP};
	const int64_t now_ms = clock_wall_ms();

	(void)state;
	slice_take(f, "web", AF_INET, 0);		 /* no annotation */
	slice_take(f, "web", AF_INET, now_ms - 3600000); /* before we started */
	synced(f, true, 100000);
	render(m);
	assert_true(has(NETWORK("IPv4", "0")) && has(NETWORK("IPv6", "0")) && has(DNS("count{" KIND "}", "0")));

	slice_take(f, "web", AF_INET, now_ms + 60000); /* from a clock ahead of ours: counts as 0 */
	slice_take(f, "db", AF_INET, now_ms + 1);
	slice_take(f, "db", AF_INET6, now_ms + 1);
	slice_take(f, "db", AF_INET6, now_ms + 2);
	sync_metrics_published(f, &web, &web);
	sync_metrics_published(f, NULL, &headless);
	refused(f);
	render(m);
	assert_true(has(NETWORK("IPv4", "0")));
	synced(f, false, 100000);
	synced(f, false, 100000); /* once only */
	render(m);
	assert_true(has(NETWORK("IPv4", "2")) && has(NETWORK("IPv6", "2")));
	assert_true(has("\nkubeproxy_network_programming_duration_seconds_bucket{ip_family=\"IPv4\",le=\"300\"} 2\n"));
	assert_true(has("\nkubeproxy_network_programming_duration_seconds_bucket{ip_family=\"IPv4\",le=\"0\"} "));
	assert_false(has("_programming_duration_seconds_sum{ip_family=\"IPv4\"} -"));
	assert_true(has(DNS("count{" KIND "}", "3")));
	assert_true(has(DNS("bucket{" KIND ",le=\"524.288\"}", "3")));

	/* a deleted slice carries the time of its last update: nothing to measure */
	slice_take(f, "db", AF_INET, now_ms + 3);
	slice_take(f, "db", AF_INET6, now_ms + 3);
	slice_remove(f, "db", AF_INET);
	sync_metrics_published(f, &headless, &headless);
	synced(f, false, 100000);
	render(m);
	assert_true(has(NETWORK("IPv4", "2")) && has(NETWORK("IPv6", "3")) && has(DNS("count{" KIND "}", "4")));
	slice_take(f, "db", AF_INET, now_ms + 4); /* waits for ever */
	sync_metrics_free(f);
	metrics_free(m);
}

static void count(void *ctx, const struct trigger *trigger)
{
	(void)trigger;
	++*(size_t *)ctx;
}

/* A source that changes faster than the kernel takes it. */
static void triggers_have_a_limit(void **state)
{
	const struct slice_object slice = slice_make("web", AF_INET, 1);
	struct triggers *t = triggers_new(0);
	size_t told = 0;

	(void)state;
	for (size_t i = 0; i <= TRIGGERS_MAX; i++)
		triggers_add(t, &slice);
	triggers_done(t, count, &told);
	assert_int_equal(told, TRIGGERS_MAX);
	triggers_done(t, count, &told);
	assert_int_equal(told, TRIGGERS_MAX);
	triggers_free(t);
}

/* Without DNS no figure of DNS. */
static void no_dns_no_dns_latency(void **state)
{
	struct metrics *m = metrics_new();
	struct sync_metrics *f = start(m, false);

	(void)state;
	render(m);
	assert_false(has("coredns_"));
	sync_metrics_free(f);
	metrics_free(m);
}

static void sync_figures(void **state)
{
	struct metrics *m = metrics_new();
	struct sync_metrics *f = start(m, true);

	(void)state;
	take(f, &(struct object){.kind = OBJECT_SERVICE});
	take(f, &(struct object){.kind = OBJECT_NODE});
	slice_take(f, "web", AF_INET, 0);
	slice_take(f, "web", AF_INET, 0);
	render(m);
	assert_true(has("\nkubeproxy_sync_proxy_rules_service_changes_pending 1\n"));
	assert_true(has("\nkubeproxy_sync_proxy_rules_endpoint_changes_pending 2\n"));
	refused(f);
	stale_now.failures++;
	synced(f, true, 100000);
	synced(f, false, 500);
	stale_now.sweeps++;
	stale_now.last_us = 1000;
	stale_now.flows_deleted[0] = 7;
	stale_now.flows_deleted[1] = 2;
	sync_metrics_turn(f, &sync_now, &stale_now);
	sync_metrics_turn(f, &sync_now, &stale_now);
	render(m);
	assert_true(has("\nkubeproxy_sync_proxy_rules_service_changes_pending 0\n"));
	assert_true(has("\nkubeproxy_sync_proxy_rules_endpoint_changes_total 2\n"));
	assert_true(has("\nkubeproxy_sync_proxy_rules_duration_seconds_count{ip_family=\"IPv4\"} 2\n"));
	assert_true(has(
		"\nkubeproxy_sync_partial_proxy_rules_duration_seconds_bucket{ip_family=\"IPv6\",le=\"0.001\"} 1\n"));
	assert_true(has("\nkubeproxy_sync_full_proxy_rules_duration_seconds_sum{ip_family=\"IPv6\"} 0.1\n"));
	assert_true(has("\nkubeproxy_sync_proxy_rules_nftables_sync_failures_total{ip_family=\"IPv4\"} 1\n"));
	assert_true(has("\nkubeproxy_sync_proxy_rules_nftables_cleanup_failures_total{ip_family=\"IPv6\"} 1\n"));
	assert_true(has("\nkubeproxy_conntrack_reconciler_deleted_entries_total{ip_family=\"IPv4\"} 7\n"));
	assert_true(has("\nkubeproxy_conntrack_reconciler_deleted_entries_total{ip_family=\"IPv6\"} 2\n"));
	assert_true(has("\nkubeproxy_conntrack_reconciler_sync_duration_seconds_count{ip_family=\"IPv4\"} 1\n"));
	sync_metrics_free(f);
	metrics_free(m);
}

#define NO_LOCAL(policy, family, count)                                                                           \
	"\nkubeproxy_sync_proxy_rules_no_local_endpoints_total{traffic_policy=\"" policy "\",ip_family=\"" family \
	"\"} " count "\n"

static void local_policies_without_endpoint(void **state)
{
	struct metrics *m = metrics_new();
	struct sync_metrics *f = start(m, true);
	const struct frontend fronts[] = {
		{.kind = FRONTEND_CLUSTER_IP, .action = ACTION_DROP, .service_port = 0},
		{.kind = FRONTEND_NODE_PORT, .action = ACTION_DROP, .split = true, .service_port = 1},
		{.kind = FRONTEND_EXTERNAL_IP, .action = ACTION_DROP, .split = true, .service_port = 1},
		{.kind = FRONTEND_NODE_PORT, .action = ACTION_BALANCE, .split = true, .service_port = 0},
	};
	const struct service_port ports[] = {{.family = AF_INET}, {.family = AF_INET6}};
	const struct service lacking = {.port_count = 2, .ports = ports, .frontend_count = 4, .frontends = fronts};
	const struct service fine = {.port_count = 2, .ports = ports, .frontend_count = 1, .frontends = &fronts[3]};

	(void)state;
	sync_metrics_published(f, NULL, &lacking);
	sync_metrics_published(f, NULL, &lacking);
	render(m);
	assert_true(has(NO_LOCAL("internal", "IPv4", "2")) && has(NO_LOCAL("internal", "IPv6", "0")));
	assert_true(has(NO_LOCAL("external", "IPv4", "0")) && has(NO_LOCAL("external", "IPv6", "2")));
	sync_metrics_published(f, &lacking, &fine);
	sync_metrics_published(f, &lacking, NULL);
	render(m);
	assert_true(has(NO_LOCAL("internal", "IPv4", "0")) && has(NO_LOCAL("internal", "IPv6", "0")));
	assert_true(has(NO_LOCAL("external", "IPv4", "0")) && has(NO_LOCAL("external", "IPv6", "0")));
	sync_metrics_free(f);
	metrics_free(m);
}

static int pages_end(void **state)
{
	(void)state;
	buf_fini(&page);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(programming_latencies),	   cmocka_unit_test(triggers_have_a_limit),
		cmocka_unit_test(no_dns_no_dns_latency),	   cmocka_unit_test(sync_figures),
		cmocka_unit_test(local_policies_without_endpoint),
	};
	return cmocka_run_group_tests(tests, NULL, pages_end);
}
