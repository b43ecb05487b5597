/* Health check node ports, asked over real sockets on the loopback addresses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "observe/health_node_port.h"
#include "observe/requests.h"
#include "tests/unit/http_ask.h"

static void health_check_bytes(void **state)
{
	struct buf body = {0};

	(void)state;
	assert_int_equal(healthnodeport_render("prod", "web", 2, true, &body), 200);
	assert_string_equal(body.data,
			    "{\n\t\"service\": {\n\t\t\"namespace\": \"prod\",\n\t\t\"name\": \"web\"\n\t},\n"
			    "\t\"localEndpoints\": 2,\n\t\"serviceProxyHealthy\": true\n}");
	buf_clear(&body);
	assert_int_equal(healthnodeport_render("prod", "web", 0, true, &body), 503);
	assert_int_equal(healthnodeport_render("prod", "web", 1, false, &body), 503);
	buf_fini(&body);
}

/* With the thread that serves them. */
struct scene {
	struct ev_loop *loop;
	struct requests *requests;
	struct health *health;
	struct healthnodeport *hn;
};

static struct scene scene_begin(void)
{
	struct scene s = {.loop = ev_loop_new(0)};

	s.requests = requests_new(s.loop);
	s.health = health_new(HEALTH_LIMIT_MS, false, NULL);
	s.hn = healthnodeport_new(s.loop, s.requests, s.health, NULL);
	requests_start(s.requests);
	return s;
}

static void scene_end(struct scene *s)
{
	requests_stop(s->requests);
	healthnodeport_free(s->hn);
	requests_free(s->requests);
	health_free(s->health);
	ev_loop_destroy(s->loop);
}

static const char *check(struct ev_loop *loop, int family, uint16_t port)
{
	return ask(loop, family, port, "GET /any HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
}

/* Once it is listened on. */
static const char *check_later(struct ev_loop *loop, int family, uint16_t port)
{
	const char *answer;

	while ((answer = check(loop, family, port)) == NULL) {
	}
	return answer;
}

static void health_check_ports_follow_services(void **state)
{
	const uint8_t v4 = AF_INET, v6 = AF_INET6;
	const struct addr addrs[] = {{v6, {0}}, {v4, {127, 0, 0, 1}}, {v4, {0}}};
	struct scene scene = scene_begin();
	struct ev_loop *loop = scene.loop;
	struct healthnodeport *hn = scene.hn;
	struct service s = {.ns = "prod", .name = "web", .health_check_node_port = freeport(SOCK_STREAM)};
	struct service moved, plain;

	(void)state;
	s.cluster_ip_count = 2;
	s.cluster_ips[0].family = AF_INET;
	s.cluster_ips[1].family = AF_INET6;
	s.local_ready_addrs[0] = 3;
	healthnodeport_update(hn, NULL, &s);
	assert_null(check(loop, AF_INET, s.health_check_node_port)); /* no address yet */
	healthnodeport_addrs_set(hn, addrs, 3);
	const char *answer = check(loop, AF_INET, s.health_check_node_port);
	assert_non_null(strstr(answer, " 200 OK\r\n"));
	assert_non_null(strstr(answer, "Content-Type: application/json\r\n"));
	assert_non_null(strstr(answer, "X-Content-Type-Options: nosniff\r\n"));
	assert_non_null(strstr(answer, "X-Load-Balancing-Endpoint-Weight: 3\r\n"));
	assert_non_null(strstr(answer, "\"localEndpoints\": 3,"));
	answer = check(loop, AF_INET6, s.health_check_node_port);
	assert_non_null(strstr(answer, " 503 "));
	assert_non_null(strstr(answer, "X-Load-Balancing-Endpoint-Weight: 0\r\n"));

	moved = s;
	moved.cluster_ip_count = 1; /* IPv4 only from now on, on another port */
	moved.health_check_node_port = freeport(SOCK_STREAM);
	healthnodeport_update(hn, &s, &moved);
	assert_null(check(loop, AF_INET, s.health_check_node_port));
	assert_non_null(check(loop, AF_INET, moved.health_check_node_port));
	/* only IPv4: asked over IPv6 it tells of that */
	assert_non_null(strstr(check(loop, AF_INET6, moved.health_check_node_port), "\"localEndpoints\": 3,"));

	healthnodeport_addrs_set(hn, &addrs[1], 1);
	assert_non_null(check(loop, AF_INET, moved.health_check_node_port));
	plain = moved;
	plain.health_check_node_port = 0;
	healthnodeport_update(hn, &moved, &plain);
	assert_null(check(loop, AF_INET, moved.health_check_node_port));
	healthnodeport_update(hn, &plain, &s);
	healthnodeport_update(hn, &s, NULL);
	assert_null(check(loop, AF_INET, s.health_check_node_port));
	healthnodeport_update(hn, NULL, &s);
	scene_end(&scene);
}

/* Two Services ask for one port: the second gets it the moment the first lets go, not at the next try. */
static void contested_health_check_port_passes_on(void **state)
{
	struct scene scene = scene_begin();
	struct ev_loop *loop = scene.loop;
	struct healthnodeport *hn = scene.hn;
	const struct addr addr = {AF_INET, {127, 0, 0, 1}};
	struct service first = {.ns = "prod", .name = "first", .cluster_ip_count = 1, .cluster_ips[0] = addr};
	struct service second = {.ns = "prod", .name = "second", .cluster_ip_count = 1, .cluster_ips[0] = addr};

	(void)state;
	first.health_check_node_port = second.health_check_node_port = freeport(SOCK_STREAM);
	healthnodeport_addrs_set(hn, &addr, 1);
	healthnodeport_update(hn, NULL, &first);
	healthnodeport_update(hn, NULL, &second);
	assert_non_null(strstr(check(loop, AF_INET, first.health_check_node_port), "\"first\""));
	healthnodeport_update(hn, &first, NULL);
	const char *answer = check_later(loop, AF_INET, second.health_check_node_port);
	assert_non_null(strstr(answer, "\"second\""));
	scene_end(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(health_check_bytes),
		cmocka_unit_test(health_check_ports_follow_services),
		cmocka_unit_test(contested_health_check_port_passes_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
