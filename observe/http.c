#include "observe/http.h"

#include <assert.h>
#include <errno.h>
#include <ev.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/accept.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sock.h"

#define CONNECTIONS_MAX 64U
#define CONNECTION_BYTES ((size_t)16 * 1024)
#define BODY_MAX_BYTES 65536U /* of a request; nothing reads it, and a longer one ends its connection */
#define IDLE_MAX_S 10U
#define RETRY_S 5.0
#define ACCEPTS 16 /* per turn */
#define BACKLOG 128

struct client {
	TAILQ_ENTRY(client) link;
	int fd;
};

TAILQ_HEAD(client_list, client);

struct http {
	struct ev_loop *loop;
	char *what;
	struct http_bind bind;
	http_handler_fn *handler;
	void *ctx;
	int fd;			    /* listens; -1: not bound */
	struct MHD_Daemon *daemon;  /* serves what was accepted; NULL: not bound */
	struct client_list clients; /* of the daemon, those connected for longest first */
	ev_io accept;
	ev_timer pause; /* runs while nothing is accepted */
	ev_io ready;	/* MHD's epoll descriptor */
	ev_timer due;	/* MHD's next deadline */
	ev_timer retry;
	bool warned;
};

bool http_bind_parse(struct http_bind *bind, const char *text, uint16_t default_port)
{
	struct http_bind b = {.port = default_port};
	char whole[ADDR_PORT_TEXT_BYTES];

	if (text[0] == ':') { /* ":80" */
		snprintf(whole, sizeof whole, "0.0.0.0%.10s", text);
		text = whole;
	}
	if (!addr_port_parse(&b.addr, &b.port, text) || b.port == 0)
		return false;
	b.any = addr_is_wildcard(&b.addr);
	*bind = b;
	return true;
}

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

/*
 * Any method is answered, as in kube-proxy. Called with the header, then for each part of a body, then for the reply;
 * *state counts the bytes of the body, from 1.
 */
static enum MHD_Result request(void *cls, struct MHD_Connection *connection, const char *path, const char *method,
			       const char *version, const char *upload, size_t *upload_bytes, void **state)
{
	struct http *http = cls;
	struct http_reply reply = {.status = MHD_HTTP_OK, .content_type = "text/plain; charset=utf-8"};
	const bool first = *state == NULL;
	const uintptr_t seen = first ? 1 : (uintptr_t)*state + *upload_bytes;

	(void)version, (void)upload, (void)method;
	if (first || *upload_bytes != 0) {
		*state = (void *)seen;
		*upload_bytes = 0;
		return seen <= BODY_MAX_BYTES ? MHD_YES : MHD_NO;
	}
	http->handler(http->ctx, path, &reply);
	return answer_send(connection, &reply);
}

/* ---- listening ---- */

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

static int listen_family(const struct http_bind *b, int family)
{
	struct sockaddr_storage ss;
	const struct addr any = {.family = (uint8_t)family};
	const int on = 1, v6only = !b->any;
	socklen_t length = sock_address(&ss, b->any ? &any : &b->addr, b->port);
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
	    (family == AF_INET || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, sizeof v6only) == 0) &&
	    bind(fd, (void *)&ss, length) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	int saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

/* -1 with errno. A host without IPv6 gets the IPv4 half of "any". */
static int listen_open(const struct http_bind *b)
{
	if (!b->any)
		return listen_family(b, b->addr.family);
	int fd = listen_family(b, AF_INET6);
	if (fd < 0 && errno != EADDRINUSE)
		fd = listen_family(b, AF_INET);
	return fd;
}

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

static void on_connection(void *cls, struct MHD_Connection *connection, void **client,
			  enum MHD_ConnectionNotificationCode what)
{
	struct http *http = cls;
	struct client *c = *client;

	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		*client = c = mem_alloc(sizeof *c);
		c->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
		TAILQ_INSERT_TAIL(&http->clients, c, link);
	} else {
		TAILQ_REMOVE(&http->clients, c, link);
		free(c);
	}
}

/*
 * A health check is answered at once. Who is there for longest of so many waits for nothing, or sends a byte now and
 * then: it must not make a load balancer take the node for an ill one.
 */
static void make_room(struct http *http)
{
	unsigned count = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS)->num_connections;

	if (count < CONNECTIONS_MAX)
		return;
	shutdown(TAILQ_FIRST(&http->clients)->fd, SHUT_RDWR);
	MHD_run(http->daemon);
}

/* No descriptor: clients wait in the backlog. (MHD itself would spin.) */
static void accept_pause(struct http *http)
{
	ev_io_stop(http->loop, &http->accept);
	ev_timer_again(http->loop, &http->pause);
}

static void on_pause_end(struct ev_loop *loop, ev_timer *w, int events)
{
	struct http *http = w->data;

	(void)events;
	ev_timer_stop(loop, w);
	ev_io_start(loop, &http->accept);
}

static void on_accept(struct ev_loop *loop, ev_io *w, int events)
{
	struct http *http = w->data;
	bool out_of_descriptors = false;

	(void)loop, (void)events;
	for (int i = 0; i < ACCEPTS; i++) {
		struct sockaddr_storage ss;
		socklen_t length = sizeof ss;
		int fd = accept4(http->fd, (void *)&ss, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0) {
			out_of_descriptors = accept_starved(errno);
			break;
		}
		make_room(http);
		MHD_add_connection(http->daemon, fd, (void *)&ss, length); /* closes it when that fails */
	}
	if (out_of_descriptors)
		accept_pause(http);
	http_run(http);
}

static bool http_serve(struct http *http, int fd)
{
	http->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ERROR_LOG, 0, NULL, NULL,
					request, http, MHD_OPTION_EXTERNAL_LOGGER, mhd_line, http,
					MHD_OPTION_NOTIFY_CONNECTION, on_connection, http, MHD_OPTION_CONNECTION_LIMIT,
					CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, IDLE_MAX_S,
					MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_BYTES, MHD_OPTION_END);
	if (http->daemon == NULL) {
		close(fd);
		return false;
	}
	ev_io_set(&http->ready, MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd, EV_READ);
	ev_io_start(http->loop, &http->ready);
	http->fd = fd;
	ev_io_set(&http->accept, fd, EV_READ);
	ev_io_start(http->loop, &http->accept);
	return true;
}

static const char *bind_format(const struct http_bind *b, char text[ADDR_PORT_TEXT_BYTES])
{
	if (b->any)
		snprintf(text, ADDR_PORT_TEXT_BYTES, ":%u", b->port);
	else
		addr_port_format(&b->addr, b->port, text);
	return text;
}

static void try_bind(struct http *http)
{
	char text[ADDR_PORT_TEXT_BYTES];
	int fd = listen_open(&http->bind);

	bind_format(&http->bind, text);
	if (fd >= 0 && http_serve(http, fd)) {
		ev_timer_stop(http->loop, &http->retry);
		if (http->warned)
			log_notice("%s: now listening on %s", http->what, text);
		return;
	}
	if (!http->warned)
		log_warn("%s: cannot listen on %s: %s; trying again every %g s", http->what, text, strerror(errno),
			 RETRY_S);
	http->warned = true;
	ev_timer_again(http->loop, &http->retry);
}

static void on_retry(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)loop, (void)events;
	try_bind(w->data);
}

struct http *http_open(const struct http_config *config)
{
	struct http *http = mem_alloc(sizeof *http);

	http->loop = config->loop;
	http->what = mem_strdup(config->what);
	http->bind = config->bind;
	http->handler = config->handler;
	http->ctx = config->ctx;
	http->fd = -1;
	TAILQ_INIT(&http->clients);
	ev_init(&http->accept, on_accept);
	ev_timer_init(&http->pause, on_pause_end, 0, ACCEPT_PAUSE_S);
	ev_init(&http->ready, on_ready);
	ev_init(&http->due, on_due);
	ev_timer_init(&http->retry, on_retry, 0, RETRY_S);
	http->accept.data = http->pause.data = http->ready.data = http->due.data = http->retry.data = http;
	try_bind(http);
	return http;
}

bool http_bound(const struct http *http)
{
	return http->daemon != NULL;
}

void http_retry(struct http *http)
{
	if (!http_bound(http))
		try_bind(http);
}

void http_close(struct http *http)
{
	if (http == NULL)
		return;
	ev_io_stop(http->loop, &http->accept);
	ev_timer_stop(http->loop, &http->pause);
	ev_io_stop(http->loop, &http->ready);
	ev_timer_stop(http->loop, &http->due);
	ev_timer_stop(http->loop, &http->retry);
	if (http->daemon != NULL)
		MHD_stop_daemon(http->daemon);
	if (http->fd >= 0)
		close(http->fd);
	free(http->what);
	free(http);
}
