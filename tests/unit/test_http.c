/* The HTTP server, asked over real sockets on the loopback addresses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <sys/resource.h>

#include "tests/unit/http_scene.h"

static void pages(void **state)
{
	struct scene s;

	(void)state;
	scene_begin(&s);
	scene_listen(&s);
	for (int i = 0; i < 2; i++) {
		const char *answer = ask(s.loop, i == 0 ? AF_INET : AF_INET6, s.config.at.port,
					 "GET /a%20b?q=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
		assert_non_null(strstr(answer, "HTTP/1.1 200 OK\r\n"));
		assert_non_null(strstr(answer, "Content-Type: text/x-test\r\n"));
		assert_non_null(strstr(answer, "X-Test: yes\r\n"));
		assert_non_null(strstr(answer, "\r\n\r\npath /a b"));
	}
	const char *answer = ask(s.loop, AF_INET, s.config.at.port, "HEAD /abc HTTP/1.0\r\n\r\n");
	assert_non_null(strstr(answer, "Content-Length: 9\r\n"));
	assert_null(strstr(answer, "path"));
	answer = ask(s.loop, AF_INET, s.config.at.port, "GET /empty HTTP/1.0\r\n\r\n");
	assert_non_null(strstr(answer, "Content-Length: 0\r\n"));
	assert_int_equal(s.calls, 4);
	http_port_close(s.http);
	s.http = NULL;
	assert_null(ask(s.loop, AF_INET, s.config.at.port, "GET / HTTP/1.0\r\n\r\n"));
	scene_end(&s);
}

static void other_methods_and_rubbish(void **state)
{
	struct scene s;
	static char huge[40000];

	(void)state;
	scene_begin(&s);
	scene_listen(&s);
	static const char *const methods[] = {
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi",
		"OPTIONS / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
		"PROPFIND / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"};
	for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
		assert_non_null(strstr(ask(s.loop, AF_INET, s.config.at.port, methods[i]), "\r\n\r\npath /"));
	assert_int_equal(s.calls, 3);
	const char *answer = ask(s.loop, AF_INET, s.config.at.port,
				 "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
				 "2\r\nhi\r\n0\r\n\r\n");
	assert_non_null(strstr(answer, "\r\n\r\npath /"));
	s.calls = 0;
	answer = ask(s.loop, AF_INET, s.config.at.port, "\r\n\r\nrubbish\r\n\r\n");
	assert_null(strstr(answer, " 200 "));
	memset(huge, 'a', sizeof huge - 1);
	memcpy(huge, "GET /", 5);
	answer = ask(s.loop, AF_INET, s.config.at.port, huge);
	assert_null(strstr(answer, " 200 "));
	assert_int_equal(s.calls, 0);
	scene_end(&s);
}

static void stop(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)w, (void)events;
	ev_break(loop, EVBREAK_ALL);
}

static void taken_port_is_tried_again(void **state)
{
	struct scene s;
	ev_timer tick;

	(void)state;
	scene_begin(&s);
	int holder = holder_new(s.config.at.port);
	s.http = http_listen(s.server, &s.config);
	assert_false(http_bound(s.http));
	close(holder);
	ev_timer_init(&tick, stop, 0.05, 0.05);
	ev_timer_start(s.main, &tick);
	for (int i = 0; i < 600 && !http_bound(s.http); i++)
		ev_run(s.main, 0);
	ev_timer_stop(s.main, &tick);
	assert_true(http_bound(s.http));
	assert_non_null(ask(s.loop, AF_INET, s.config.at.port, "GET / HTTP/1.0\r\n\r\n"));
	scene_end(&s);
}

/* The port passes to the next who asked for it once the requests thread has left it. */
static void closed_port_passes_on(void **state)
{
	struct scene s;

	(void)state;
	scene_begin(&s);
	scene_listen(&s);
	struct http_port *next = http_listen(s.server, &s.config);
	assert_false(http_bound(next));
	http_port_close(s.http);
	s.http = next;
	while (!http_bound(next)) {
		ev_run(s.loop, EVRUN_NOWAIT);
		ev_run(s.main, EVRUN_NOWAIT);
	}
	assert_non_null(ask(s.loop, AF_INET, s.config.at.port, "GET / HTTP/1.0\r\n\r\n"));
	scene_end(&s);
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
	struct scene s;
	int idle[64];
	struct sockaddr_storage ss;
	socklen_t length;
	char byte;
	ev_timer tick;

	(void)state;
	scene_begin(&s);
	scene_listen(&s);
	ev_timer_init(&tick, stop, 0.2, 0.2);
	ev_timer_start(s.loop, &tick);
	for (int i = 0; i < 64; i++) {
		idle[i] = loopback_socket(AF_INET, s.config.at.port, &ss, &length);
		assert_int_equal(connect(idle[i], (void *)&ss, length), 0);
		ev_run(s.loop, EVRUN_NOWAIT);
	}
	ev_run(s.loop, 0);
	int next = knock(s.config.at.port);
	assert_true(turns_of(s.loop) < 1000);
	assert_served(s.loop, next);
	assert_int_equal(recv(idle[0], &byte, 1, MSG_DONTWAIT), 0);
	for (int i = 1; i < 64; i++)
		assert_int_equal(recv(idle[i], &byte, 1, MSG_DONTWAIT), -1);
	for (int i = 0; i < 64; i++)
		close(idle[i]);
	close(next);
	ev_timer_stop(s.loop, &tick);
	scene_end(&s);
}

/* Without descriptors nothing is accepted, and the loop sleeps; with them again the waiting client is served. */
static void no_descriptor_is_no_busy_loop(void **state)
{
	struct scene s;
	struct rlimit before, none;
	ev_timer tick;

	(void)state;
	scene_begin(&s);
	scene_listen(&s);
	int client = knock(s.config.at.port);
	ev_timer_init(&tick, stop, 0.5, 0.05);
	ev_timer_start(s.loop, &tick);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){.rlim_cur = 0, .rlim_max = before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	int turns = turns_of(s.loop);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_true(turns < 1000);
	assert_int_equal(s.calls, 0);
	assert_served(s.loop, client);
	close(client);
	ev_timer_stop(s.loop, &tick);
	scene_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages),
		cmocka_unit_test(other_methods_and_rubbish),
		cmocka_unit_test(taken_port_is_tried_again),
		cmocka_unit_test(closed_port_passes_on),
		cmocka_unit_test(client_connected_for_longest_makes_room),
		cmocka_unit_test(no_descriptor_is_no_busy_loop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
