/* The HTTP server, asked over real sockets on the loopback addresses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <sys/resource.h>

#include "base/log.h"
#include "observe/http.h"
#include "tests/unit/http_ask.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages),
		cmocka_unit_test(other_methods_and_rubbish),
		cmocka_unit_test(taken_port_is_tried_again),
		cmocka_unit_test(client_connected_for_longest_makes_room),
		cmocka_unit_test(no_descriptor_is_no_busy_loop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
