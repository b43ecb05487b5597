/* The health decision. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <unistd.h>

#include <sys/socket.h>

#include "dns/server/bindings.h"
#include "observe/health.h"

#define LIMIT_MS 60000

static const struct health_now at = {1000000, 1763661192045}; /* 2025-11-20T17:53:12.045Z */

static struct health_verdict decide(struct health_state s)
{
	return health_decide(&s, at, LIMIT_MS);
}

/* kube-proxy: healthy while it starts, not ready. */
static void starting(void **state)
{
	struct health_verdict v = decide((struct health_state){0});

	(void)state;
	assert_true(v.healthy);
	assert_true(v.node_eligible);
	assert_false(v.ready);
}

/* A main thread that is stuck says nothing. */
static void alive_up_to_the_limit(void **state)
{
	struct health_state s = {.alive_ms = at.ms - LIMIT_MS + 1, .synced_wall_ms = 1};

	(void)state;
	assert_true(decide(s).healthy);
	assert_true(decide(s).ready);
	s.alive_ms--;
	assert_false(decide(s).healthy);
	assert_false(decide(s).ready);
	assert_true(decide(s).node_eligible);
}

static void pending_up_to_the_limit(void **state)
{
	struct health_state s = {.pending_since_ms = at.ms - LIMIT_MS + 1, .synced_wall_ms = 1};

	(void)state;
	assert_true(decide(s).healthy);
	assert_true(decide(s).ready);
	s.pending_since_ms--;
	assert_false(decide(s).healthy);
	assert_false(decide(s).ready);
	s.pending_since_ms = 0;
	assert_true(decide(s).healthy);
}

/* A first sync that never gets through is not "starting up" for ever. */
static void first_sync_overdue(void **state)
{
	(void)state;
	assert_false(decide((struct health_state){.pending_since_ms = 1}).healthy);
}

static void refused_transaction_is_not_ready(void **state)
{
	struct health_verdict v = decide((struct health_state){.synced_wall_ms = 1, .failed = true});

	(void)state;
	assert_true(v.healthy);
	assert_false(v.ready);
}

static void node_decides_healthz_only(void **state)
{
	struct health_state s = {.synced_wall_ms = at.wall_ms};
	struct buf body = {0};

	(void)state;
	for (int node = HEALTH_NODE_UNTRACKED; node <= HEALTH_NODE_LEAVING; node++) {
		bool eligible = node == HEALTH_NODE_UNTRACKED || node == HEALTH_NODE_PRESENT;
		s.node = (enum health_node)node;
		assert_int_equal(decide(s).node_eligible, eligible);
		assert_int_equal(health_render(HEALTH_PAGE_HEALTHZ, &s, at, LIMIT_MS, &body), eligible ? 200 : 503);
		assert_int_equal(health_render(HEALTH_PAGE_LIVEZ, &s, at, LIMIT_MS, &body), 200);
		assert_int_equal(health_render(HEALTH_PAGE_READYZ, &s, at, LIMIT_MS, &body), 200);
	}
	buf_fini(&body);
}

static void healthz_body(void **state)
{
	struct health_state s = {.synced_wall_ms = 1763661191000, .node = HEALTH_NODE_PRESENT};
	struct buf body = {0};

	(void)state;
	assert_int_equal(health_render(HEALTH_PAGE_HEALTHZ, &s, at, LIMIT_MS, &body), 200);
	assert_string_equal(
		body.data, "{\"lastUpdated\":\"2025-11-20T17:53:12.045Z\",\"currentTime\":\"2025-11-20T17:53:12.045Z\","
			   "\"nodeEligible\":true,\"healthy\":true,\"status\":{"
			   "\"IPv4\":{\"lastUpdated\":\"2025-11-20T17:53:11.000Z\",\"healthy\":true},"
			   "\"IPv6\":{\"lastUpdated\":\"2025-11-20T17:53:11.000Z\",\"healthy\":true}}}");
	buf_clear(&body);
	s.pending_since_ms = 1;
	assert_int_equal(health_render(HEALTH_PAGE_LIVEZ, &s, at, LIMIT_MS, &body), 503);
	assert_string_equal(
		body.data, "{\"lastUpdated\":\"2025-11-20T17:53:11.000Z\",\"currentTime\":\"2025-11-20T17:53:12.045Z\","
			   "\"healthy\":false,\"status\":{"
			   "\"IPv4\":{\"lastUpdated\":\"2025-11-20T17:53:11.000Z\",\"healthy\":false},"
			   "\"IPv6\":{\"lastUpdated\":\"2025-11-20T17:53:11.000Z\",\"healthy\":false}}}");
	buf_fini(&body);
}

static void readyz_tells_dns_addresses_that_are_not_served(void **state)
{
	const struct binding_problem problems[] = {
		{{.addr = {AF_INET, {10, 96, 0, 10}}, .port = 53}, "in use by another program"},
		{{.addr = {AF_INET6, {0xfd, [15] = 1}}, .port = 53}, "no address"}};
	struct health_state s = {.synced_wall_ms = at.wall_ms, .dns = problems, .dns_count = 2};
	struct buf body = {0};

	(void)state;
	assert_int_equal(health_render(HEALTH_PAGE_READYZ, &s, at, LIMIT_MS, &body), 503);
	assert_non_null(strstr(body.data, "\"ready\":false,\"healthy\":true,\"dnsNotServed\":["
					  "{\"address\":\"10.96.0.10:53\",\"reason\":\"in use by another program\"},"
					  "{\"address\":\"[fd00::1]:53\",\"reason\":\"no address\"}],"));
	buf_clear(&body);
	assert_int_equal(health_render(HEALTH_PAGE_LIVEZ, &s, at, LIMIT_MS, &body), 200);
	assert_int_equal(health_render(HEALTH_PAGE_HEALTHZ, &s, at, LIMIT_MS, &body), 200);
	assert_null(strstr(body.data, "dnsNotServed"));
	s.dns_count = 0;
	assert_int_equal(health_render(HEALTH_PAGE_READYZ, &s, at, LIMIT_MS, &body), 200);
	buf_fini(&body);
}

static void readyz_before_the_first_sync(void **state)
{
	struct health_state s = {0};
	struct buf body = {0};

	(void)state;
	assert_int_equal(health_render(HEALTH_PAGE_READYZ, &s, at, LIMIT_MS, &body), 503);
	assert_string_equal(body.data,
			    "{\"lastUpdated\":\"0001-01-01T00:00:00Z\",\"currentTime\":\"2025-11-20T17:53:12.045Z\","
			    "\"ready\":false,\"healthy\":true}");
	buf_fini(&body);
}

static unsigned ask(struct health *h, const char *path)
{
	struct http_reply reply = {.status = 200};

	health_handle(h, path, &reply);
	buf_fini(&reply.body);
	return reply.status;
}

static void pages_follow_events(void **state)
{
	struct metrics *m = metrics_new();
	struct health *h = health_new(LIMIT_MS, true, m);
	struct node_object node = {0};
	struct buf page = {0};

	(void)state;
	assert_int_equal(ask(h, "/healthz"), 503);
	health_node_set(h, &node);
	assert_int_equal(ask(h, "/healthz"), 200);
	assert_int_equal(ask(h, "/readyz"), 503);
	health_queued(h);
	assert_int_equal(ask(h, "/readyz"), 503);
	health_synced(h);
	assert_int_equal(ask(h, "/readyz"), 200);
	health_failed(h);
	assert_int_equal(ask(h, "/readyz"), 503);
	assert_true(health_is_healthy(h));
	health_synced(h);
	node.to_be_deleted = true;
	health_node_set(h, &node);
	assert_int_equal(ask(h, "/healthz"), 503);
	assert_int_equal(ask(h, "/livez"), 200);
	node = (struct node_object){.deleting = true};
	health_node_set(h, &node);
	assert_int_equal(ask(h, "/healthz"), 503);
	health_node_set(h, NULL);
	assert_int_equal(ask(h, "/healthz"), 503);
	node = (struct node_object){0};
	health_node_set(h, &node);
	assert_int_equal(ask(h, "/healthz"), 200);
	assert_int_equal(ask(h, "/healthz/"), 404);
	metrics_render(m, &page);
	assert_non_null(strstr(page.data, "\nkubeproxy_proxy_healthz_total{code=\"200\"} 2\n"));
	assert_non_null(strstr(page.data, "\nkubeproxy_proxy_healthz_total{code=\"503\"} 4\n"));
	assert_non_null(strstr(page.data, "\nkubeproxy_proxy_livez_total{code=\"200\"} 1\n"));
	buf_fini(&page);
	health_free(h);
	h = health_new(LIMIT_MS, false, NULL); /* a source without nodes */
	assert_int_equal(ask(h, "/healthz"), 200);
	health_node_set(h, &node);
	health_node_set(h, NULL);
	assert_int_equal(ask(h, "/healthz"), 200);
	health_free(h);
	metrics_free(m);
}

/* Over real time: the main thread says that it runs, then no more, then again. */
static void stuck_main_thread(void **state)
{
	const struct binding_problem problem = {{.addr = {AF_INET, {10, 96, 0, 10}}, .port = 53}, "no address"};
	struct health *h = health_new(300, false, NULL);

	(void)state;
	health_synced(h);
	assert_int_equal(ask(h, "/livez"), 200);
	while (ask(h, "/livez") == 200)
		usleep(1000);
	assert_int_equal(ask(h, "/livez"), 503);
	assert_int_equal(ask(h, "/readyz"), 503);
	assert_false(health_is_healthy(h));
	health_dns_set(h, &problem, 1);
	health_alive(h);
	assert_int_equal(ask(h, "/livez"), 200);
	assert_int_equal(ask(h, "/readyz"), 503);
	health_dns_set(h, NULL, 0);
	health_alive(h);
	assert_int_equal(ask(h, "/readyz"), 200);
	health_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(starting),
		cmocka_unit_test(alive_up_to_the_limit),
		cmocka_unit_test(stuck_main_thread),
		cmocka_unit_test(pending_up_to_the_limit),
		cmocka_unit_test(first_sync_overdue),
		cmocka_unit_test(refused_transaction_is_not_ready),
		cmocka_unit_test(node_decides_healthz_only),
		cmocka_unit_test(healthz_body),
		cmocka_unit_test(readyz_tells_dns_addresses_that_are_not_served),
		cmocka_unit_test(readyz_before_the_first_sync),
		cmocka_unit_test(pages_follow_events),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
