/* Serves HTTP on any number of ports, with a limit on the connections of all and of each address. */
#include "observe/http.h"

#include <assert.h>
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "base/inherited.h"
#include "base/listener.h"
#include "base/mem.h"
#include "base/sock.h"
#include "observe/http_client.h"
#include "observe/requests.h"

TAILQ_HEAD(client_list, http_client);

struct http_port {
	struct http *http;
	struct http_config config;
	/* the main thread's */
	struct listener *binding; /* NULL: closed before it was bound */
	int fd;			  /* -1: not bound yet; the requests thread closes it when it is told to */
	/* the requests thread's */
	struct listener *accepting; /* NULL: not yet */
	/* from one to the other */
	struct mail open, close;
};

struct http {
	struct requests *requests;
	/* the main thread's */
	struct listeners *binding;
	/* the requests thread's */
	struct ev_loop *loop;
	struct listeners *accepting;
	unsigned connections, connections_max;
	unsigned asked;		    /* clients that wait for the main thread */
	struct client_list clients; /* the one without a request for longest first */
};

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

/* NULL: none, or all wait for the main thread. */
static struct http_client *idle_longest_find(const struct http *http)
{
	struct http_client *c = TAILQ_FIRST(&http->clients);

	while (c != NULL && c->state == HTTP_CLIENT_ASKED)
		c = TAILQ_NEXT(c, link);
	return c;
}

/*
 * A health check is answered at once. The client that was idle for longest waits for nothing, or sends a byte now and
 * then: it must not make a load balancer mark the node unhealthy.
 */
static bool make_room(void *ctx, bool starved)
{
	const struct http *http = ((struct http_port *)ctx)->http;

	if (http->connections < http->connections_max && !starved)
		return true;
	struct http_client *idle_longest = idle_longest_find(http);
	if (idle_longest != NULL)
		client_end(idle_longest);
	return idle_longest != NULL;
}

/* Half of all, and no more than are left for others. */
static unsigned address_most(const struct http *http)
{
	const unsigned half = http->connections_max / 2, left = http->connections_max - http->connections;

	return http->connections >= http->connections_max ? 0 : left < half ? left : half;
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
		if (idle_longest == NULL && c->state != HTTP_CLIENT_ASKED)
			idle_longest = c;
		count++;
	}
	return count >= address_most(http) ? idle_longest : NULL;
}

/* ---- replies that are not read ---- */

static size_t unsent_of(const struct http *http, const struct addr *addr)
{
	const struct http_client *c;
	size_t bytes = 0;

	TAILQ_FOREACH(c, &http->clients, link)
	if (addr == NULL || addr_equal(&c->addr, addr))
		bytes += c->out.length_bytes;
	return bytes;
}

/* The oldest one of the address whose clients leave the most unread. */
static struct http_client *unread_most_find(const struct http *http)
{
	struct http_client *c, *most = NULL;
	size_t most_bytes = 0;

	TAILQ_FOREACH(c, &http->clients, link)
	{
		const size_t bytes = c->out.length_bytes != 0 ? unsent_of(http, &c->addr) : 0;
		if (bytes <= most_bytes)
			continue;
		most = c;
		most_bytes = bytes;
	}
	return most;
}

static void unsent_limit(struct http *http)
{
	for (size_t all; (all = unsent_of(http, NULL)) > HTTP_UNSENT_BYTES_MAX;) {
		struct http_client *most = unread_most_find(http);
		if (most->out.length_bytes == all) /* a single reply may be as large as it is */
			return;
		client_end(most);
	}
}

/* ---- what the main thread answers ---- */

static void on_answer(void *about)
{
	struct http_client *c = about;

	struct http *http = c->port->http;

	http->asked--;
	c->asks = false;
	http_client_reply(c);
	unsent_limit(http);
}

/* In the main thread; the requests thread leaves the client alone meanwhile. */
static void on_question(void *about)
{
	struct http_client *c = about;
	const struct http_config *config = &c->port->config;

	config->main_handler(config->ctx, c->request.path, &c->reply);
	requests_tell(c->port->http->requests, &c->question, on_answer, c);
}

static bool is_shared(const struct addr *addr)
{
	struct sockaddr_storage ss;

	sock_address(&ss, addr, 0);
	return sock_is_shared(&ss);
}

/* An address has as many as are left, so that no number of impatient clients keeps another one out. */
static bool may_ask(const struct http *http, const struct addr *addr)
{
	const struct http_client *c;
	unsigned own = 0;

	TAILQ_FOREACH(c, &http->clients, link)
	own += c->asks && addr_equal(&c->addr, addr);
	return http->asked < HTTP_ASKED_MAX && (own < HTTP_ASKED_MAX - http->asked || is_shared(addr));
}

static bool client_ask(struct http_client *c)
{
	struct http *http = c->port->http;

	if (!may_ask(http, &c->addr))
		return false;
	c->asks = true;
	http->asked++;
	requests_ask(http->requests, &c->question, on_question, c);
	return true;
}

static void on_accepted(void *ctx, int fd, const struct sockaddr_storage *from)
{
	struct http_port *port = ctx;
	struct http *http = port->http;
	struct http_client *c = mem_alloc(sizeof *c);

	*c = (struct http_client){.port = port,
				  .handler = port->config.handler,
				  .ctx = port->config.ctx,
				  .private_hosts = port->config.private_hosts,
				  .ask = client_ask,
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

/* ---- ports ---- */

/* In the requests thread. */
static void on_open(void *about)
{
	struct http_port *port = about;
	const struct listener_config config = {.what = "http",
					       .of_service = port->config.of_service,
					       .room = make_room,
					       .accepted = on_accepted,
					       .ctx = port};

	port->accepting = listener_adopt(port->http->accepting, &config, port->fd);
}

/* Also from inside listener_open. */
static void on_bound(void *ctx, int fd)
{
	struct http_port *port = ctx;

	port->fd = fd;
	requests_tell(port->http->requests, &port->open, on_open, port);
}

struct http_port *http_listen(struct http *http, const struct http_config *config)
{
	struct http_port *port = mem_alloc(sizeof *port);

	port->http = http;
	port->config = *config;
	port->fd = -1;
	port->binding =
		listener_open(http->binding, &(struct listener_config){.what = config->what,
								       .ns = config->ns,
								       .at = {.at = config->at, .dual = config->dual},
								       .of_service = config->of_service,
								       .bound = on_bound,
								       .gives = true,
								       .ctx = port});
	port->config.what = port->config.ns = NULL; /* the listener has copies */
	return port;
}

bool http_bound(const struct http_port *port)
{
	return port->fd >= 0;
}

/* In the main thread: the port, and its descriptor, are free. */
static void on_closed(void *about)
{
	struct http_port *port = about;

	listener_close(port->binding);
	listeners_retry(port->http->binding);
	if (port->config.ctx_free != NULL)
		port->config.ctx_free(port->config.ctx);
	free(port);
}

/* In the requests thread. */
static void on_close(void *about)
{
	struct http_port *port = about;

	for (struct http_client *c = TAILQ_FIRST(&port->http->clients), *next; c != NULL; c = next) {
		next = TAILQ_NEXT(c, link);
		if (c->port == port)
			client_end(c);
	}
	listener_close(port->accepting);
	requests_ask(port->http->requests, &port->close, on_closed, port);
}

void http_port_close(struct http_port *port)
{
	if (port == NULL)
		return;
	if (port->fd >= 0) {
		if (!inherited_is_shared())
			shutdown(port->fd, SHUT_RDWR);
	} else {
		listener_close(port->binding);
		port->binding = NULL;
	}
	requests_tell(port->http->requests, &port->close, on_close, port);
}

void http_retry(struct http *http)
{
	listeners_retry(http->binding);
}

/* ---- life ---- */

struct http *http_new(struct ev_loop *loop, struct requests *requests, unsigned connections_max)
{
	struct http *http = mem_alloc(sizeof *http);

	http->requests = requests;
	http->binding = listeners_new(loop);
	http->loop = requests_loop(requests);
	http->accepting = listeners_new(http->loop);
	http->connections_max = connections_max;
	TAILQ_INIT(&http->clients);
	return http;
}

void http_free(struct http *http)
{
	if (http == NULL)
		return;
	listeners_free(http->accepting);
	listeners_free(http->binding);
	free(http);
}
