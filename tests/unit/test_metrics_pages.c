/* The metrics port's pages and the figures of sync. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <netinet/in.h>

#include "base/clock.h"
#include "dns/answer/respond.h"
#include "observe/metrics_sync.h"
#include "observe/metrics_page.h"
#include "observe/triggers.h"

static struct buf page;

static bool has(const char *line)
{
	return strstr(page.data, line) != NULL;
}

static void render(struct metrics *m)
{
	buf_clear(&page);
	metrics_render(m, &page);
}

static void pages(void **state)
{
	struct metrics *m = metrics_new();
	struct http_reply reply = {.status = 200};

	(void)state;
	metrics_page_init(m);
	metrics_page_handle(m, "/proxyMode", &reply);
	assert_string_equal(reply.body.data, "nftables");
	buf_fini(&reply.body);
	reply = (struct http_reply){.status = 200};
	metrics_page_handle(m, "/healthz", &reply);
	assert_string_equal(reply.body.data, "ok");
	buf_fini(&reply.body);
	reply = (struct http_reply){.status = 200};
	metrics_page_handle(m, "/", &reply);
	assert_int_equal(reply.status, 404);
	buf_fini(&reply.body);
	reply = (struct http_reply){.status = 200};
	metrics_page_handle(m, "/metrics", &reply);
	assert_int_equal(reply.status, 200);
	assert_string_equal(reply.content_type, "text/plain; version=0.0.4; charset=utf-8");
	static const char *const names[] = {"fairlead_build_info{version=\"",
					    "\nprocess_start_time_seconds 1",
					    "\nprocess_cpu_seconds_total ",
					    "\nprocess_resident_memory_bytes ",
					    "\nprocess_virtual_memory_bytes ",
					    "\nprocess_open_fds ",
					    "\nprocess_max_fds "};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		assert_non_null(strstr(reply.body.data, names[i]));
	buf_fini(&reply.body);
	metrics_free(m);
}

static void take(struct metrics_sync *f, const struct object *o)
{
	metrics_sync_changed(f, NULL, o);
}

static struct slice_object slice_make(const char *service, int family, int64_t trigger_ms)
{
	return (struct slice_object){.object = {.kind = OBJECT_SLICE, .ns = "default", .name = "x"},
				     .service_name = service,
				     .family = family,
				     .trigger_ms = trigger_ms};
}

static void slice_take(struct metrics_sync *f, const char *service, int family, int64_t trigger_ms)
{
	const struct slice_object slice = slice_make(service, family, trigger_ms);

	take(f, &slice.object);
}

static void slice_remove(struct metrics_sync *f, const char *service, int family)
{
	const struct slice_object slice = slice_make(service, family, 0);

	metrics_sync_changed(f, &slice.object, NULL);
}

#define NETWORK(family, count) \
	"\nkubeproxy_network_programming_duration_seconds_count{ip_family=\"" family "\"} " count "\n"
#define DNS(what, count) "\ncoredns_kubernetes_dns_programming_duration_seconds_" what " " count "\n"
#define KIND "service_kind=\"headless_with_selector\""

/* From the annotation to the kernel, by the slice's family; for headless services, to DNS too. */
static void programming_latencies(void **state)
{
	struct metrics *m = metrics_new();
	struct metrics_sync *f = metrics_sync_new(m, true);
	const struct service headless = {.ns = "default", .name = "db", .dns_kind = DNS_HEADLESS};
	const struct service web = {.ns = "default", .name = "web", .dns_kind = DNS_CLUSTER_IP};
	const int64_t now_ms = clock_wall_ms();

	(void)state;
	slice_take(f, "web", AF_INET, 0);		 /* no annotation */
	slice_take(f, "web", AF_INET, now_ms - 3600000); /* before we started */
	metrics_sync_synced(f, true, 0.1);
	render(m);
	assert_true(has(NETWORK("IPv4", "0")) && has(NETWORK("IPv6", "0")) && has(DNS("count{" KIND "}", "0")));

	slice_take(f, "web", AF_INET, now_ms + 60000); /* from a clock ahead of ours: counts as 0 */
	slice_take(f, "db", AF_INET, now_ms + 1);
	slice_take(f, "db", AF_INET6, now_ms + 1);
	slice_take(f, "db", AF_INET6, now_ms + 2);
	metrics_sync_service(f, &web, &web);
	metrics_sync_service(f, NULL, &headless);
	metrics_sync_sync_failed(f);
	render(m);
	assert_true(has(NETWORK("IPv4", "0")));
	metrics_sync_synced(f, false, 0.1);
	metrics_sync_synced(f, false, 0.1); /* once only */
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
	metrics_sync_service(f, &headless, &headless);
	metrics_sync_synced(f, false, 0.1);
	render(m);
	assert_true(has(NETWORK("IPv4", "2")) && has(NETWORK("IPv6", "3")) && has(DNS("count{" KIND "}", "4")));
	slice_take(f, "db", AF_INET, now_ms + 4); /* waits for ever */
	metrics_sync_free(f);
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
	struct metrics_sync *f = metrics_sync_new(m, false);

	(void)state;
	render(m);
	assert_false(has("coredns_"));
	metrics_sync_free(f);
	metrics_free(m);
}

static void sync_figures(void **state)
{
	struct metrics *m = metrics_new();
	struct metrics_sync *f = metrics_sync_new(m, true);

	(void)state;
	take(f, &(struct object){.kind = OBJECT_SERVICE});
	take(f, &(struct object){.kind = OBJECT_NODE});
	slice_take(f, "web", AF_INET, 0);
	slice_take(f, "web", AF_INET, 0);
	render(m);
	assert_true(has("\nkubeproxy_sync_proxy_rules_service_changes_pending 1\n"));
	assert_true(has("\nkubeproxy_sync_proxy_rules_endpoint_changes_pending 2\n"));
	metrics_sync_sync_failed(f);
	metrics_sync_cleanup_failed(f);
	metrics_sync_synced(f, true, 0.1);
	metrics_sync_synced(f, false, 0.0005);
	metrics_sync_conntrack(f, 0.001, (const uint64_t[]){7, 2});
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
	metrics_sync_free(f);
	metrics_free(m);
}

#define NO_LOCAL(policy, family, count)                                                                           \
	"\nkubeproxy_sync_proxy_rules_no_local_endpoints_total{traffic_policy=\"" policy "\",ip_family=\"" family \
	"\"} " count "\n"

static void local_policies_without_endpoint(void **state)
{
	struct metrics *m = metrics_new();
	struct metrics_sync *f = metrics_sync_new(m, true);
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
	metrics_sync_service(f, NULL, &lacking);
	metrics_sync_service(f, NULL, &lacking);
	render(m);
	assert_true(has(NO_LOCAL("internal", "IPv4", "2")) && has(NO_LOCAL("internal", "IPv6", "0")));
	assert_true(has(NO_LOCAL("external", "IPv4", "0")) && has(NO_LOCAL("external", "IPv6", "2")));
	metrics_sync_service(f, &lacking, &fine);
	metrics_sync_service(f, &lacking, NULL);
	render(m);
	assert_true(has(NO_LOCAL("internal", "IPv4", "0")) && has(NO_LOCAL("internal", "IPv6", "0")));
	assert_true(has(NO_LOCAL("external", "IPv4", "0")) && has(NO_LOCAL("external", "IPv6", "0")));
	metrics_sync_free(f);
	metrics_free(m);
}

/* Bounds belong to their bucket, as in Prometheus. */
static void dns_durations(void **state)
{
	static struct respond_counts counts;

	(void)state;
	respond_observe(&counts, 2, 250000);
	respond_observe(&counts, 1, 250001);
	respond_observe(&counts, 3, 8192000000);
	respond_observe(&counts, 1, 8192000001);
	assert_int_equal(counts.durations[0], 2);
	assert_int_equal(counts.durations[1], 1);
	assert_int_equal(counts.durations[COUNT_DURATIONS - 2], 3);
	assert_int_equal(counts.durations[COUNT_DURATIONS - 1], 1);
	assert_int_equal(counts.durations_ns, 2 * 250000 + 250001 + 3 * 8192000000 + 8192000001);
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
		cmocka_unit_test(pages),
		cmocka_unit_test(sync_figures),
		cmocka_unit_test(programming_latencies),
		cmocka_unit_test(triggers_have_a_limit),
		cmocka_unit_test(no_dns_no_dns_latency),
		cmocka_unit_test(local_policies_without_endpoint),
		cmocka_unit_test(dns_durations),
	};
	return cmocka_run_group_tests(tests, NULL, pages_end);
}
