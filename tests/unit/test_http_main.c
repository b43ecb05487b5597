/* What the HTTP server leaves to the main thread, over real sockets on the loopback addresses. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/http_scene.h"

static bool echo_but_main(void *ctx, const char *path, struct http_reply *reply)
{
	const struct scene *s = ctx;

	if (strcmp(path, "/main") == 0)
		return false;
	buf_puts(&reply->body, pthread_equal(pthread_self(), s->tester) ? "" : "another thread: ");
	return echo_path(ctx, path, reply);
}

static bool answer_in_main(void *ctx, const char *path, struct http_reply *reply)
{
	const struct scene *s = ctx;

	assert_true(pthread_equal(pthread_self(), s->tester));
	buf_printf(&reply->body, "main thread: path %s", path);
	return true;
}

static void what_is_left_to_the_main_thread(void **state)
{
	struct scene s;

	(void)state;
	scene_begin(&s);
	s.config.handler = echo_but_main;
	s.config.main_handler = answer_in_main;
	scene_listen(&s);
	requests_start(s.requests);
	for (int i = 0; i < 3; i++) {
		const char *answer = ask(s.main, AF_INET, s.config.at.port, "GET /main HTTP/1.0\r\n\r\n");
		assert_non_null(strstr(answer, "main thread: path /main"));
		answer = ask(s.main, AF_INET6, s.config.at.port, "GET /x HTTP/1.0\r\n\r\n");
		assert_non_null(strstr(answer, "\r\n\r\nanother thread: path /x"));
		answer = ask(s.main, AF_INET, s.config.at.port,
			     "GET /main HTTP/1.1\r\nHost: x\r\n\r\nGET /x HTTP/1.0\r\n\r\n");
		assert_non_null(strstr(strstr(answer, "path /main"), "another thread: path /x"));
	}
	scene_end(&s);
}

static int knock_main(uint16_t port)
{
	static const char request[] = "GET /main HTTP/1.0\r\n\r\n";
	struct sockaddr_storage ss;
	socklen_t length;
	int fd = loopback_socket(AF_INET, port, &ss, &length);

	assert_int_equal(connect(fd, (void *)&ss, length), 0);
	assert_int_equal(write(fd, request, sizeof request - 1), sizeof request - 1);
	return fd;
}

static void turns(struct ev_loop *loop)
{
	for (int i = 0; i < 20 * (int)HTTP_ASKED_MAX; i++)
		ev_run(loop, EVRUN_NOWAIT);
}

/* The main thread is stuck: what the thread itself knows is answered, and so many requests wait; the next gets 503. */
static void stuck_main_thread(void **state)
{
	struct scene s;
	int waiting[HTTP_ASKED_MAX];
	char text[16] = "";

	(void)state;
	scene_begin(&s);
	s.config.handler = echo_but_main;
	s.config.main_handler = answer_in_main;
	scene_listen(&s);
	for (size_t i = 0; i < HTTP_ASKED_MAX; i++)
		waiting[i] = knock_main(s.config.at.port);
	turns(s.loop);
	const char *answer = ask(s.loop, AF_INET, s.config.at.port, "GET /main HTTP/1.0\r\n\r\n");
	assert_non_null(strstr(answer, "HTTP/1.1 503 Service Unavailable\r\n"));
	assert_non_null(strstr(answer, "too many requests wait"));
	answer = ask(s.loop, AF_INET, s.config.at.port, "GET /page HTTP/1.0\r\n\r\n");
	assert_non_null(strstr(answer, "path /page"));
	for (size_t i = 0; i < HTTP_ASKED_MAX; i++)
		assert_int_equal(recv(waiting[i], text, 12, MSG_DONTWAIT), -1);
	close(waiting[0]); /* gone when its answer comes */
	scene_end(&s);
	for (size_t i = 1; i < HTTP_ASKED_MAX; i++) {
		assert_int_equal(recv(waiting[i], text, 12, 0), 12);
		assert_string_equal(text, "HTTP/1.1 200");
		close(waiting[i]);
	}
}

static bool answer_large(void *ctx, const char *path, struct http_reply *reply)
{
	static char mebibyte[1 << 20];

	(void)ctx, (void)path;
	for (int i = 0; i < 8; i++)
		buf_add(&reply->body, mebibyte, sizeof mebibyte);
	return true;
}

/* The server has hung up. */
static bool has_ended(int fd)
{
	char bytes[4096];
	ssize_t n;

	while ((n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT)) > 0)
		;
	return n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

/* Clients that ask for large pages and read none: one of them may go on, whatever the kernel's buffers take. */
static void unread_replies_are_bounded(void **state)
{
	struct scene s;
	int clients[8];
	unsigned ended = 0;
	char byte;

	(void)state;
	scene_begin(&s);
	s.config.handler = echo_but_main;
	s.config.main_handler = answer_large;
	scene_listen(&s);
	for (size_t i = 0; i < 8; i++) {
		clients[i] = knock_main(s.config.at.port);
		while (recv(clients[i], &byte, 1, MSG_DONTWAIT | MSG_PEEK) < 1) {
			ev_run(s.loop, EVRUN_NOWAIT);
			ev_run(s.main, EVRUN_NOWAIT);
		}
	}
	for (size_t i = 0; i < 8; i++) {
		ended += has_ended(clients[i]);
		close(clients[i]);
	}
	assert_in_range(ended, 1, 7);
	scene_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_left_to_the_main_thread),
		cmocka_unit_test(stuck_main_thread),
		cmocka_unit_test(unread_replies_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
