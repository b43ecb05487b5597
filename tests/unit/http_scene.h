/* An HTTP server whose threads are the test's, for unit tests: include after <cmocka.h>. */
#ifndef TESTS_HTTP_SCENE_H
#define TESTS_HTTP_SCENE_H

#include "observe/http.h"
#include "observe/requests.h"
#include "tests/unit/http_ask.h"

/* The server's loop without a thread: the test runs it. The main thread's runs where a test says so. */
struct scene {
	struct ev_loop *main, *loop;
	struct requests *requests;
	struct http *server;
	pthread_t tester;
	int calls;
	struct http_config config;
	struct http_port *http;
};

static inline bool echo_path(void *ctx, const char *path, struct http_reply *reply)
{
	struct scene *s = ctx;

	s->calls++;
	reply->content_type = "text/x-test";
	http_header_set(reply, "X-Test", "yes");
	if (strcmp(path, "/empty") != 0)
		buf_printf(&reply->body, "path %s", path);
	return true;
}

static inline void scene_begin(struct scene *s)
{
	*s = (struct scene){.main = ev_loop_new(0), .tester = pthread_self()};
	s->requests = requests_new(s->main);
	s->loop = requests_loop(s->requests);
	s->server = http_new(s->main, s->requests, 64);
	s->config = (struct http_config){.what = "test",
					 .at = {.addr = {.family = AF_INET6}, .port = freeport(SOCK_STREAM)},
					 .dual = true,
					 .handler = echo_path,
					 .ctx = s};
}

static inline void scene_listen(struct scene *s)
{
	s->http = http_listen(s->server, &s->config);
	assert_true(http_bound(s->http));
}

static inline void scene_end(struct scene *s)
{
	requests_stop(s->requests);
	http_port_close(s->http);
	http_free(s->server);
	requests_free(s->requests);
	ev_loop_destroy(s->main);
}

#endif
