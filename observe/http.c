/* Serves HTTP on any number of ports, with a limit on the connections of all and of each address. */
#include "observe/http.h"

#include <assert.h>
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "base/listener.h"
#include "base/mem.h"
#include "base/sock.h"
#include "observe/http_client.h"

TAILQ_HEAD(client_list, http_client);

struct http_port {
	struct http *http;
	http_handler_fn *handler;
	void *ctx;
	struct listener *listener;
};

struct http {
	struct ev_loop *loop;
	unsigned connections, connections_max;
	struct listeners *listeners;
	struct client_list clients; /* the one without a request for longest first */
};

void http_header_set(struct http_reply *reply, const char *name, const char *value)
{
	assert(reply->header_count < HTTP_HEADERS_MAX);
	struct http_header *h = &reply->headers[reply->header_count++];
	h->name = name;
	snprintf(h->value, sizeof h->value, "%s", value);
}

/* ---- connections ---- */

static void client_end(struct http_client *c)
{
	struct http *http = c->port->http;

	TAILQ_REMOVE(&http->clients, c, link);
	http->connections--;
	http_client_fini(c);
	free(c);
}

/* One that only waits for the client to close is the first to make room. */
static void client_answered(struct http_client *c)
{
	struct client_list *clients = &c->port->http->clients;

	TAILQ_REMOVE(clients, c, link);
	if (c->state == HTTP_CLIENT_LINGER)
		TAILQ_INSERT_HEAD(clients, c, link);
	else
		TAILQ_INSERT_TAIL(clients, c, link);
}

/*
 * A health check is answered at once. The client that was idle for longest waits for nothing, or sends a byte now and
 * then: it must not make a load balancer mark the node unhealthy.
 */
static bool make_room(void *ctx, bool starved)
{
	struct http *http = ((struct http_port *)ctx)->http;

	if (http->connections < http->connections_max && !starved)
		return true;
	if (TAILQ_EMPTY(&http->clients))
		return false;
	client_end(TAILQ_FIRST(&http->clients));
	return true;
}

/* The connection of this address that was idle for longest, once it has as many as one may have; else NULL. */
static struct http_client *surplus_find(const struct http *http, const struct addr *addr)
{
	struct http_client *c, *idle_longest = NULL;
	unsigned count = 0;

	TAILQ_FOREACH(c, &http->clients, link)
	{
		if (!addr_equal(&c->addr, addr))
			continue;
		if (idle_longest == NULL)
			idle_longest = c;
		count++;
	}
	return count >= http->connections_max / 2 ? idle_longest : NULL;
}

static void on_accepted(void *ctx, int fd, const struct sockaddr_storage *from)
{
	struct http_port *port = ctx;
	struct http *http = port->http;
	struct http_client *c = mem_alloc(sizeof *c);

	*c = (struct http_client){.port = port,
				  .handler = port->handler,
				  .ctx = port->ctx,
				  .answered = client_answered,
				  .ended = client_end};
	sock_parse(&c->addr, from);
	addr_unmap(&c->addr);
	struct http_client *surplus = surplus_find(http, &c->addr);
	if (surplus != NULL && !sock_is_shared(from))
		client_end(surplus);
	TAILQ_INSERT_TAIL(&http->clients, c, link);
	http->connections++;
	http_client_start(c, http->loop, fd);
}

/* ---- life ---- */

struct http_port *http_listen(struct http *http, const struct http_config *config)
{
	struct http_port *port = mem_alloc(sizeof *port);

	port->http = http;
	port->handler = config->handler;
	port->ctx = config->ctx;
	port->listener =
		listener_open(http->listeners, &(struct listener_config){.what = config->what,
									 .at = {.at = config->at, .dual = config->dual},
									 .of_service = config->of_service,
									 .room = make_room,
									 .accepted = on_accepted,
									 .ctx = port});
	return port;
}

bool http_bound(const struct http_port *port)
{
	return listener_fd(port->listener) >= 0;
}

void http_retry(struct http *http)
{
	listeners_retry(http->listeners);
}

void http_port_close(struct http_port *port)
{
	if (port == NULL)
		return;
	for (struct http_client *c = TAILQ_FIRST(&port->http->clients), *next; c != NULL; c = next) {
		next = TAILQ_NEXT(c, link);
		if (c->port == port)
			client_end(c);
	}
	listener_close(port->listener);
	free(port);
}

struct http *http_new(struct ev_loop *loop, unsigned connections_max)
{
	struct http *http = mem_alloc(sizeof *http);

	http->loop = loop;
	http->connections_max = connections_max;
	http->listeners = listeners_new(loop);
	TAILQ_INIT(&http->clients);
	return http;
}

void http_free(struct http *http)
{
	if (http == NULL)
		return;
	listeners_free(http->listeners);
	free(http);
}
