/* Requests to a real server on the loopback address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <ev.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "watch/api/fetch.h"

#define BODY_BYTES (32u << 20)
#define PIECE_BYTES (256u << 10)
#define TURN_BYTES (2u << 20) /* the largest object has 1.5 MB */

struct scene {
	struct ev_loop *loop;
	struct fetch *fetch;
	int listener;
	struct sockaddr_in at;
	pthread_t server;
	struct ev_prepare turn;
	size_t bytes, turn_bytes, most; /* of the body: all, since the loop last waited, the most of that */
	bool ended, whole;
};

/* A response that is always there before the client asks for more of it. */
static void *serve(void *ctx)
{
	static char piece[PIECE_BYTES];
	struct scene *s = ctx;
	char head[128], request[4096];
	const int fd = accept(s->listener, NULL, NULL);
	ssize_t sent = recv(fd, request, sizeof request, 0);

	snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %u\r\n\r\n", BODY_BYTES);
	sent = send(fd, head, strlen(head), MSG_NOSIGNAL);
	for (size_t left = BODY_BYTES; sent > 0 && left > 0; left -= (size_t)sent)
		sent = send(fd, piece, left < sizeof piece ? left : sizeof piece, MSG_NOSIGNAL);
	close(fd);
	return NULL;
}

static void on_turn(struct ev_loop *loop, struct ev_prepare *prepare, int events)
{
	struct scene *s = prepare->data;

	(void)loop, (void)events;
	s->turn_bytes = 0;
}

/* Slower than the server, as one that reads objects is. */
static bool on_data(void *ctx, int status, const char *bytes, size_t count)
{
	struct scene *s = ctx;

	(void)status, (void)bytes;
	s->bytes += count;
	s->turn_bytes += count;
	if (s->turn_bytes > s->most)
		s->most = s->turn_bytes;
	usleep(200);
	return true;
}

static void on_end(void *ctx, const struct fetch_end *end)
{
	struct scene *s = ctx;

	s->ended = true;
	s->whole = end->whole;
}

static int setup(void **state)
{
	static struct scene scene;
	socklen_t room = sizeof scene.at;
	char error[ERROR_BYTES];

	scene = (struct scene){.loop = ev_loop_new(0), .at = {.sin_family = AF_INET}};
	scene.at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	scene.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_return_code(bind(scene.listener, (struct sockaddr *)&scene.at, sizeof scene.at), 0);
	assert_return_code(listen(scene.listener, 1), 0);
	assert_return_code(getsockname(scene.listener, (struct sockaddr *)&scene.at, &room), 0);
	scene.fetch = fetch_new(scene.loop, &(struct fetch_settings){0}, error);
	assert_non_null(scene.fetch);
	assert_int_equal(pthread_create(&scene.server, NULL, serve, &scene), 0);
	ev_prepare_init(&scene.turn, on_turn);
	scene.turn.data = &scene;
	ev_prepare_start(scene.loop, &scene.turn);
	*state = &scene;
	return 0;
}

static int teardown(void **state)
{
	struct scene *s = *state;

	fetch_free(s->fetch);
	pthread_join(s->server, NULL);
	close(s->listener);
	ev_prepare_stop(s->loop, &s->turn);
	ev_loop_destroy(s->loop);
	return 0;
}

/* However fast the server sends: others have their turn after about one object of the largest size. */
static void test_a_turn_is_bounded(void **state)
{
	struct scene *s = *state;
	const struct fetch_handler handler = {.ctx = s, .data = on_data, .end = on_end};
	const struct fetch_options options = {.quiet_limit_ms = 30000, .connect_limit_ms = 30000};
	char url[64];

	snprintf(url, sizeof url, "http://127.0.0.1:%u/", ntohs(s->at.sin_port));
	fetch_get(s->fetch, url, &options, &handler);
	while (!s->ended)
		ev_run(s->loop, EVRUN_ONCE);
	assert_true(s->whole);
	assert_int_equal(s->bytes, BODY_BYTES);
	print_message("at most %zu bytes a turn\n", s->most);
	assert_true(s->most <= TURN_BYTES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_a_turn_is_bounded, setup, teardown)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
