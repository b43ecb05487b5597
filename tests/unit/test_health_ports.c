/* The HTTP door and the health check node ports, asked over real sockets on the loopback addresses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <ev.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "observe/health_node_port.h"
#include "observe/http.h"
#include "tests/unit/freeport.h"

struct client {
	struct ev_loop *loop;
	ev_async done;
	int family;
	uint16_t port;
	const char *request;
	char answer[2048];
	bool refused;
};

static int loopback_socket(int family, uint16_t port, struct sockaddr_storage *ss, socklen_t *length)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = in6addr_loopback};

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	*length = family == AF_INET ? sizeof in : sizeof in6;
	memcpy(ss, family == AF_INET ? (void *)&in : (void *)&in6, *length);
	return socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static void *client_run(void *arg)
{
	struct client *c = arg;
	struct sockaddr_storage ss;
	socklen_t length;
	size_t have = 0;
	ssize_t n;
	int fd = loopback_socket(c->family, c->port, &ss, &length);

	c->refused = connect(fd, (void *)&ss, length) != 0;
	if (!c->refused && write(fd, c->request, strlen(c->request)) > 0) {
		while ((n = read(fd, c->answer + have, sizeof c->answer - 1 - have)) > 0)
			have += (size_t)n;
	}
	close(fd);
	ev_async_send(c->loop, &c->done);
	return NULL;
}

static void on_done(struct ev_loop *loop, ev_async *w, int events)
{
	(void)w, (void)events;
	ev_break(loop, EVBREAK_ALL);
}

/* Sends a request from a thread while the loop serves it here. Borrowed until the next call; NULL: refused. */
static const char *ask(struct ev_loop *loop, int family, uint16_t port, const char *request)
{
	static struct client c;
	pthread_t thread;

	c = (struct client){.loop = loop, .family = family, .port = port, .request = request};
	ev_async_init(&c.done, on_done);
	ev_async_start(loop, &c.done);
	assert_int_equal(pthread_create(&thread, NULL, client_run, &c), 0);
	ev_run(loop, 0);
	pthread_join(thread, NULL);
	ev_async_stop(loop, &c.done);
	return c.refused ? NULL : c.answer;
}

/* A listener on every address. */
static int holder_new(uint16_t port)
{
	const struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (const void *)&in6, sizeof in6), 0);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static void echo_path(void *ctx, const char *path, struct http_reply *reply)
{
	int *calls = ctx;

	++*calls;
	reply->content_type = "text/x-test";
	http_header_set(reply, "X-Test", "yes");
	if (strcmp(path, "/empty") != 0)
		buf_printf(&reply->body, "path %s", path);
}

static struct http_config any_address(int *calls)
{
	return (struct http_config){.what = "test",
				    .at = {.addr = {.family = AF_INET6}, .port = freeport(SOCK_STREAM)},
				    .dual = true,
				    .handler = echo_path,
				    .ctx = calls};
}

static void pages(void **state)
{
	struct ev_loop *loop = ev_loop_new(0);
	int calls = 0;
	struct http *server = http_new(loop, 64);
	struct http_config config = any_address(&calls);

	(void)state;
	struct http_port *http = http_listen(server, &config);
	assert_true(http_bound(http));
	for (int i = 0; i < 2; i++) {
		const char *answer = ask(loop, i == 0 ? AF_INET : AF_INET6, config.at.port,
					 "GET /a%20b?q=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
		assert_non_null(strstr(answer, "HTTP/1.1 200 OK\r\n"));
		assert_non_null(strstr(answer, "Content-Type: text/x-test\r\n"));
		assert_non_null(strstr(answer, "X-Test: yes\r\n"));
		assert_non_null(strstr(answer, "\r\n\r\npath /a b"));
	}
	const char *answer = ask(loop, AF_INET, config.at.port, "HEAD /abc HTTP/1.0\r\n\r\n");
	assert_non_null(strstr(answer, "Content-Length: 9\r\n"));
	assert_null(strstr(answer, "path"));
	answer = ask(loop, AF_INET, config.at.port, "GET /empty HTTP/1.0\r\n\r\n");
	assert_non_null(strstr(answer, "Content-Length: 0\r\n"));
	assert_int_equal(calls, 4);
	http_port_close(http);
	assert_null(ask(loop, AF_INET, config.at.port, "GET / HTTP/1.0\r\n\r\n"));
	http_free(server);
	ev_loop_destroy(loop);
}

static void other_methods_and_rubbish(void **state)
{
	struct ev_loop *loop = ev_loop_new(0);
	int calls = 0;
	struct http *server = http_new(loop, 64);
	struct http_config config = any_address(&calls);
	static char huge[40000];

	(void)state;
	struct http_port *http = http_listen(server, &config);
	static const char *const methods[] = {
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi",
		"OPTIONS / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
		"PROPFIND / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"};
	for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
		assert_non_null(strstr(ask(loop, AF_INET, config.at.port, methods[i]), "\r\n\r\npath /"));
	assert_int_equal(calls, 3);
	const char *answer = ask(loop, AF_INET, config.at.port,
				 "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
				 "2\r\nhi\r\n0\r\n\r\n");
	assert_non_null(strstr(answer, "\r\n\r\npath /"));
	calls = 0;
	answer = ask(loop, AF_INET, config.at.port, "\r\n\r\nrubbish\r\n\r\n");
	assert_null(strstr(answer, " 200 "));
	memset(huge, 'a', sizeof huge - 1);
	memcpy(huge, "GET /", 5);
	answer = ask(loop, AF_INET, config.at.port, huge);
	assert_null(strstr(answer, " 200 "));
	assert_int_equal(calls, 0);
	http_port_close(http);
	http_free(server);
	ev_loop_destroy(loop);
}

static void stop(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)w, (void)events;
	ev_break(loop, EVBREAK_ALL);
}

static void taken_port_is_tried_again(void **state)
{
	struct ev_loop *loop = ev_loop_new(0);
	int calls = 0;
	struct http *server = http_new(loop, 64);
	struct http_config config = any_address(&calls);
	ev_timer tick;

	(void)state;
	int holder = holder_new(config.at.port);
	struct http_port *http = http_listen(server, &config);
	assert_false(http_bound(http));
	close(holder);
	ev_timer_init(&tick, stop, 0.05, 0.05);
	ev_timer_start(loop, &tick);
	for (int i = 0; i < 600 && !http_bound(http); i++)
		ev_run(loop, 0);
	ev_timer_stop(loop, &tick);
	assert_true(http_bound(http));
	assert_non_null(ask(loop, AF_INET, config.at.port, "GET / HTTP/1.0\r\n\r\n"));
	http_port_close(http);
	http_free(server);
	ev_loop_destroy(loop);
}

/* A client that has asked for a page. */
static int knock(uint16_t port)
{
	struct sockaddr_storage ss;
	socklen_t length;
	int fd = loopback_socket(AF_INET, port, &ss, &length);

	assert_int_equal(connect(fd, (void *)&ss, length), 0);
	assert_int_equal(write(fd, "GET / HTTP/1.0\r\n\r\n", 18), 18);
	return fd;
}

/* Within a hundred turns of a loop that something ends now and then. */
static void assert_served(struct ev_loop *loop, int fd)
{
	char text[16] = "";

	for (int i = 0; i < 100 && text[0] == '\0'; i++) {
		ev_run(loop, 0);
		(void)!recv(fd, text, 12, MSG_DONTWAIT);
	}
	assert_string_equal(text, "HTTP/1.1 200");
}

/* Turns of a loop in half a second; a busy one makes hundreds of thousands. Something ends it now and then. */
static int turns_of(struct ev_loop *loop)
{
	int turns = 0;

	for (ev_tstamp end = ev_time() + 0.5; ev_time() < end; turns++)
		ev_run(loop, EVRUN_ONCE);
	return turns;
}

/* 64 clients that ask for nothing take every place: the first of them makes room for the next one. */
static void client_connected_for_longest_makes_room(void **state)
{
	struct ev_loop *loop = ev_loop_new(0);
	int calls = 0, idle[64];
	struct http *server = http_new(loop, 64);
	struct http_config config = any_address(&calls);
	struct sockaddr_storage ss;
	socklen_t length;
	char byte;
	ev_timer tick;

	(void)state;
	struct http_port *http = http_listen(server, &config);
	ev_timer_init(&tick, stop, 0.2, 0.2);
	ev_timer_start(loop, &tick);
	for (int i = 0; i < 64; i++) {
		idle[i] = loopback_socket(AF_INET, config.at.port, &ss, &length);
		assert_int_equal(connect(idle[i], (void *)&ss, length), 0);
		ev_run(loop, EVRUN_NOWAIT);
	}
	ev_run(loop, 0);
	int next = knock(config.at.port);
	assert_true(turns_of(loop) < 1000);
	assert_served(loop, next);
	assert_int_equal(recv(idle[0], &byte, 1, MSG_DONTWAIT), 0);
	for (int i = 1; i < 64; i++)
		assert_int_equal(recv(idle[i], &byte, 1, MSG_DONTWAIT), -1);
	for (int i = 0; i < 64; i++)
		close(idle[i]);
	close(next);
	ev_timer_stop(loop, &tick);
	http_port_close(http);
	http_free(server);
	ev_loop_destroy(loop);
}

/* Without descriptors nothing is accepted, and the loop sleeps; with them again the waiting client is served. */
static void no_descriptor_is_no_busy_loop(void **state)
{
	struct ev_loop *loop = ev_loop_new(0);
	int calls = 0;
	struct http *server = http_new(loop, 64);
	struct http_config config = any_address(&calls);
	struct rlimit before, none;
	ev_timer tick;

	(void)state;
	struct http_port *http = http_listen(server, &config);
	int client = knock(config.at.port);
	ev_timer_init(&tick, stop, 0.5, 0.05);
	ev_timer_start(loop, &tick);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){.rlim_cur = 0, .rlim_max = before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	int turns = turns_of(loop);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_true(turns < 1000);
	assert_int_equal(calls, 0);
	assert_served(loop, client);
	close(client);
	ev_timer_stop(loop, &tick);
	http_port_close(http);
	http_free(server);
	ev_loop_destroy(loop);
}

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

static const char *check(struct ev_loop *loop, int family, uint16_t port)
{
	return ask(loop, family, port, "GET /any HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
}

static void health_check_ports_follow_services(void **state)
{
	const uint8_t v4 = AF_INET, v6 = AF_INET6;
	const struct addr addrs[] = {{v6, {0}}, {v4, {127, 0, 0, 1}}, {v4, {0}}};
	struct ev_loop *loop = ev_loop_new(0);
	struct health *health = health_new(HEALTH_LIMIT_MS, false, NULL);
	struct healthnodeport *hn = healthnodeport_new(loop, health, NULL);
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
	healthnodeport_free(hn);
	health_free(health);
	ev_loop_destroy(loop);
}

/* Two Services ask for one port: the second gets it the moment the first lets go, not at the next try. */
static void contested_health_check_port_passes_on(void **state)
{
	struct ev_loop *loop = ev_loop_new(0);
	struct health *health = health_new(HEALTH_LIMIT_MS, false, NULL);
	struct healthnodeport *hn = healthnodeport_new(loop, health, NULL);
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
	const char *answer = check(loop, AF_INET, second.health_check_node_port);
	assert_non_null(answer);
	assert_non_null(strstr(answer, "\"second\""));
	healthnodeport_free(hn);
	health_free(health);
	ev_loop_destroy(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages),
		cmocka_unit_test(other_methods_and_rubbish),
		cmocka_unit_test(taken_port_is_tried_again),
		cmocka_unit_test(client_connected_for_longest_makes_room),
		cmocka_unit_test(no_descriptor_is_no_busy_loop),
		cmocka_unit_test(health_check_bytes),
		cmocka_unit_test(health_check_ports_follow_services),
		cmocka_unit_test(contested_health_check_port_passes_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
