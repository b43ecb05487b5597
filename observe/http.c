/* Answers HTTP on any number of ports, with libmicrohttpd for the protocol and base/listener for the sockets. */
#include "observe/http.h"

#include <assert.h>
#include <ev.h>
#include <microhttpd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "base/listener.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sock.h"

#define CONNECTION_BYTES ((size_t)16 * 1024)
#define BODY_MAX_BYTES 65536U /* of a request; nothing reads it, and a longer one ends its connection */
#define IDLE_MAX_S 10U

/* A connection. */
struct client {
	TAILQ_ENTRY(client) link;
	struct http *http;
	struct http_port *port; /* NULL: closed, the connection ends */
	struct addr addr;
	int fd;
	size_t body_bytes; /* of the request that is being read */
};

TAILQ_HEAD(client_list, client);

struct http_port {
	struct http *http;
	http_handler_fn *handler;
	void *ctx;
	struct listener *listener;
};

struct http {
	struct ev_loop *loop;
	const char *what;
	unsigned connections_max;
	struct listeners *listeners;
	struct MHD_Daemon *daemon;   /* serves what was accepted */
	struct client_list clients;  /* the one without a request for longest first */
	struct http_port *accepting; /* whose connection is being handed to the daemon, and its address */
	struct addr accepted_from;
	ev_io ready;  /* MHD's epoll descriptor */
	ev_timer due; /* MHD's next deadline */
};

void http_header_set(struct http_reply *reply, const char *name, const char *value)
{
	assert(reply->header_count < HTTP_HEADERS_MAX);
	struct http_header *h = &reply->headers[reply->header_count++];
	h->name = name;
	snprintf(h->value, sizeof h->value, "%s", value);
}

/* ---- requests ---- */

/* The body's memory passes to MHD. */
static enum MHD_Result answer_send(struct MHD_Connection *connection, struct http_reply *reply)
{
	struct MHD_Response *response;

	if (reply->body.length_bytes != 0)
		response = MHD_create_response_from_buffer(reply->body.length_bytes, reply->body.data,
							   MHD_RESPMEM_MUST_FREE);
	else
		response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
	if (response == NULL) {
		buf_fini(&reply->body);
		return MHD_NO;
	}
	if (reply->body.length_bytes == 0)
		buf_fini(&reply->body);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, reply->content_type);
	for (size_t i = 0; i < reply->header_count; i++)
		MHD_add_response_header(response, reply->headers[i].name, reply->headers[i].value);
	enum MHD_Result done = MHD_queue_response(connection, reply->status, response);
	MHD_destroy_response(response);
	return done;
}

static void client_used(struct client *c)
{
	TAILQ_REMOVE(&c->http->clients, c, link);
	TAILQ_INSERT_TAIL(&c->http->clients, c, link);
}

/*
 * Any method is answered, as in kube-proxy. Called with the header, then for each part of a body, then for the reply;
 * *state is the client from the first call on.
 */
static enum MHD_Result request(void *cls, struct MHD_Connection *connection, const char *path, const char *method,
			       const char *version, const char *upload, size_t *upload_bytes, void **state)
{
	struct http_reply reply = {.status = MHD_HTTP_OK, .content_type = "text/plain; charset=utf-8"};
	struct client *c = *state;

	(void)cls, (void)version, (void)upload, (void)method;
	if (c == NULL) {
		*state = c = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
		c->body_bytes = 0;
		return MHD_YES;
	}
	if (c->port == NULL)
		return MHD_NO;
	if (*upload_bytes != 0) {
		c->body_bytes += *upload_bytes;
		*upload_bytes = 0;
		return c->body_bytes <= BODY_MAX_BYTES ? MHD_YES : MHD_NO;
	}
	client_used(c);
	c->port->handler(c->port->ctx, path, &reply);
	return answer_send(connection, &reply);
}

/* What clients do wrong is theirs to see: never more than a debug line. */
static void mhd_line(void *cls, const char *fmt, va_list ap)
{
	const struct http *http = cls;
	char line[256];

	if (!log_enabled(LOG_DEBUG))
		return;
	vsnprintf(line, sizeof line, fmt, ap);
	line[strcspn(line, "\n")] = '\0';
	log_debug("%s: %s", http->what, line);
}

/* ---- the loop ---- */

/* MHD tells when it wants to be called again though no descriptor is ready: time-outs, input already read. */
static void deadline_set(struct http *http)
{
	MHD_UNSIGNED_LONG_LONG wait_ms;

	ev_timer_stop(http->loop, &http->due);
	if (MHD_get_timeout(http->daemon, &wait_ms) != MHD_YES)
		return;
	ev_timer_set(&http->due, (double)wait_ms / 1e3, 0);
	ev_timer_start(http->loop, &http->due);
}

static void http_run(struct http *http)
{
	MHD_run(http->daemon);
	deadline_set(http);
}

static void on_ready(struct ev_loop *loop, ev_io *w, int events)
{
	(void)loop, (void)events;
	http_run(w->data);
}

static void on_due(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)loop, (void)events;
	http_run(w->data);
}

/* ---- connections ---- */

static void on_client(void *cls, struct MHD_Connection *connection, void **client,
		      enum MHD_ConnectionNotificationCode what)
{
	struct http *http = cls;
	struct client *c = *client;

	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		*client = c = mem_alloc(sizeof *c);
		c->http = http;
		c->port = http->accepting;
		c->addr = http->accepted_from;
		c->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
		TAILQ_INSERT_TAIL(&http->clients, c, link);
	} else {
		TAILQ_REMOVE(&http->clients, c, link);
		free(c);
	}
}

/* The daemon closes it, and frees the client, before this returns. */
static void client_end(struct client *c)
{
	struct http *http = c->http;

	shutdown(c->fd, SHUT_RDWR);
	MHD_run(http->daemon);
}

/*
 * A health check is answered at once. The client that was idle for longest waits for nothing, or sends a byte now and
 * then: it must not make a load balancer mark the node unhealthy.
 */
static bool make_room(void *ctx, bool starved)
{
	struct http *http = ((struct http_port *)ctx)->http;
	unsigned count = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS)->num_connections;

	if (count < http->connections_max && !starved)
		return true;
	if (TAILQ_EMPTY(&http->clients))
		return false;
	client_end(TAILQ_FIRST(&http->clients));
	return true;
}

/* The connection of this address that was idle for longest, once it has as many as one may have; else NULL. */
static struct client *surplus_find(const struct http *http, const struct addr *addr)
{
	struct client *c, *idle_longest = NULL;
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
	struct client *surplus;

	sock_parse(&http->accepted_from, from);
	addr_unmap(&http->accepted_from);
	surplus = surplus_find(http, &http->accepted_from);
	if (surplus != NULL && !sock_is_shared(from))
		client_end(surplus);
	http->accepting = port;
	MHD_add_connection(http->daemon, fd, (const void *)from, sizeof *from); /* closes it when that fails */
	http->accepting = NULL;
	http_run(http);
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
	struct client *c;

	if (port == NULL)
		return;
	TAILQ_FOREACH(c, &port->http->clients, link)
	{
		if (c->port != port)
			continue;
		c->port = NULL;
		shutdown(c->fd, SHUT_RDWR);
	}
	listener_close(port->listener);
	http_run(port->http);
	free(port);
}

struct http *http_new(struct ev_loop *loop, const char *what, unsigned connections_max)
{
	struct http *http = mem_alloc(sizeof *http);

	http->loop = loop;
	http->what = what;
	http->connections_max = connections_max;
	http->listeners = listeners_new(loop);
	TAILQ_INIT(&http->clients);
	http->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ERROR_LOG, 0, NULL, NULL,
					request, http, MHD_OPTION_EXTERNAL_LOGGER, mhd_line, http,
					MHD_OPTION_NOTIFY_CONNECTION, on_client, http, MHD_OPTION_CONNECTION_LIMIT,
					connections_max, MHD_OPTION_CONNECTION_TIMEOUT, IDLE_MAX_S,
					MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_BYTES, MHD_OPTION_END);
	if (http->daemon == NULL)
		fatalx("%s: cannot start the HTTP server", what);
	ev_io_init(&http->ready, on_ready, MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd,
		   EV_READ);
	ev_io_start(loop, &http->ready);
	ev_init(&http->due, on_due);
	http->ready.data = http->due.data = http;
	return http;
}

void http_free(struct http *http)
{
	if (http == NULL)
		return;
	ev_io_stop(http->loop, &http->ready);
	ev_timer_stop(http->loop, &http->due);
	MHD_stop_daemon(http->daemon);
	listeners_free(http->listeners);
	free(http);
}
