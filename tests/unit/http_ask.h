/* A client that asks an HTTP server of the same loop, for unit tests: include after <cmocka.h>. */
#ifndef TESTS_HTTP_ASK_H
#define TESTS_HTTP_ASK_H

#include <ev.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

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

static inline int loopback_socket(int family, uint16_t port, struct sockaddr_storage *ss, socklen_t *length)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = in6addr_loopback};

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	*length = family == AF_INET ? sizeof in : sizeof in6;
	memcpy(ss, family == AF_INET ? (void *)&in : (void *)&in6, *length);
	return socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static inline void *client_run(void *arg)
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

static inline void on_done(struct ev_loop *loop, ev_async *w, int events)
{
	(void)w, (void)events;
	ev_break(loop, EVBREAK_ALL);
}

/* Sends a request from a thread while the loop serves it here. Borrowed until the next call; NULL: refused. */
static inline const char *ask(struct ev_loop *loop, int family, uint16_t port, const char *request)
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
static inline int holder_new(uint16_t port)
{
	const struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (const void *)&in6, sizeof in6), 0);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

#endif
