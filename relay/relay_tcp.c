/* Copies the bytes of TCP connections. */
#include "relay/relay_tcp.h"

#include <errno.h>
#include <ev.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/outgoing.h"
#include "base/sock.h"

#define CHUNK_BYTES ((size_t)32 * 1024)
#define SYN_RETRIES 4 /* gives up connecting after about half a minute */

struct connection;

struct side {
	struct connection *connection;
	struct side *other;
	int fd;
	ev_io io;
	struct buf pending; /* to be written to this side */
	bool ended;	    /* it sends no more */
	bool shut;	    /* we send it no more */
};

struct connection {
	struct relay_tcp *tcp;
	struct side client, server;
	bool connecting; /* the server side is not there yet */
	struct relay_tcp_port *port;
	ev_tstamp active;     /* when a byte moved last */
	ev_timer half_closed; /* runs while one side has ended */
	TAILQ_ENTRY(connection) link;
};

struct relay_tcp_port {
	struct relay_tcp *tcp;
	bool closed; /* freed with its last connection */
	unsigned open;
	TAILQ_HEAD(, connection) connections; /* the one idle for longest first */
	LIST_ENTRY(relay_tcp_port) link;
};

struct relay_tcp {
	struct ev_loop *loop;
	struct relay_tcp_counts *counts;
	struct relay_tcp_limits limits;
	unsigned open;
	LIST_HEAD(, relay_tcp_port) ports;
	char chunk[CHUNK_BYTES];
};

static void port_free_unused(struct relay_tcp_port *p)
{
	if (!p->closed || p->open != 0)
		return;
	LIST_REMOVE(p, link);
	free(p);
}

static void side_close(struct side *s, bool reset)
{
	ev_io_stop(s->connection->tcp->loop, &s->io);
	if (reset)
		sock_reset(s->fd);
	else
		close(s->fd);
	buf_fini(&s->pending);
}

static void connection_close(struct connection *j, bool reset)
{
	struct relay_tcp_port *p = j->port;
	struct relay_tcp *t = j->tcp;

	side_close(&j->client, reset);
	side_close(&j->server, reset);
	ev_timer_stop(t->loop, &j->half_closed);
	TAILQ_REMOVE(&p->connections, j, link);
	free(j);
	p->open--;
	port_free_unused(p);
	t->open--;
	atomic_store_explicit(&t->counts->open, t->open, memory_order_relaxed);
}

static void on_half_closed(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)loop, (void)events;
	connection_close(w->data, true);
}

static void connection_active(struct connection *j)
{
	j->active = ev_now(j->tcp->loop);
	TAILQ_REMOVE(&j->port->connections, j, link);
	TAILQ_INSERT_TAIL(&j->port->connections, j, link);
	if (j->client.ended || j->server.ended)
		ev_timer_again(j->tcp->loop, &j->half_closed);
}

/* A side is read while the other has nothing waiting, and written while it has something waiting. */
static void watch(struct side *s)
{
	const struct connection *j = s->connection;
	int events = 0;

	if (!j->connecting && !s->ended && s->other->pending.length_bytes == 0)
		events |= EV_READ;
	if (s->pending.length_bytes != 0 || (j->connecting && s == &j->server))
		events |= EV_WRITE;
	if (events == (s->io.events & (EV_READ | EV_WRITE)) && ev_is_active(&s->io))
		return;
	ev_io_stop(j->tcp->loop, &s->io);
	ev_io_set(&s->io, s->fd, events);
	if (events != 0)
		ev_io_start(j->tcp->loop, &s->io);
}

/* Passes an end of data on, once everything before it is delivered. */
static void pass_end(struct side *to)
{
	if (!to->other->ended || to->shut || to->pending.length_bytes != 0)
		return;
	shutdown(to->fd, SHUT_WR);
	to->shut = true;
}

/* False: the connection is broken. */
static bool side_flush(struct side *s)
{
	while (s->pending.length_bytes != 0) {
		ssize_t n = send(s->fd, s->pending.data, s->pending.length_bytes, MSG_NOSIGNAL);
		if (n < 0)
			return sock_again(errno);
		buf_consume(&s->pending, (size_t)n);
	}
	buf_fini(&s->pending);
	return true;
}

/* One chunk from s to the other side, so that no connection holds the others up. */
static bool transfer(struct side *s)
{
	struct relay_tcp *t = s->connection->tcp;
	size_t sent = 0;
	ssize_t n = recv(s->fd, t->chunk, sizeof t->chunk, 0);

	if (n < 0)
		return sock_again(errno);
	if (n == 0) {
		s->ended = true;
		return true;
	}
	ssize_t m = send(s->other->fd, t->chunk, (size_t)n, MSG_NOSIGNAL);
	if (m < 0 && !sock_again(errno))
		return false;
	if (m > 0)
		sent = (size_t)m;
	if (sent < (size_t)n)
		buf_add(&s->other->pending, t->chunk + sent, (size_t)n - sent);
	return true;
}

static bool connected(struct side *server)
{
	int error = 0;
	socklen_t length = sizeof error;

	getsockopt(server->fd, SOL_SOCKET, SO_ERROR, &error, &length);
	server->connection->connecting = false;
	return error == 0;
}

static void on_side(struct ev_loop *loop, ev_io *w, int events)
{
	struct side *s = w->data;
	struct connection *j = s->connection;

	(void)loop;
	if (j->connecting && !connected(s)) {
		atomic_fetch_add_explicit(&j->tcp->counts->failed, 1, memory_order_relaxed);
		connection_close(j, true);
		return;
	}
	if (((events & EV_WRITE) && !side_flush(s)) || ((events & EV_READ) && !transfer(s))) {
		connection_close(j, true);
		return;
	}
	connection_active(j);
	pass_end(&j->client);
	pass_end(&j->server);
	if (j->client.shut && j->server.shut) {
		connection_close(j, false);
		return;
	}
	watch(&j->client);
	watch(&j->server);
}

static void side_init(struct side *s, struct connection *j, struct side *other, int fd)
{
	const int on = 1;

	s->connection = j;
	s->other = other;
	s->fd = fd;
	ev_init(&s->io, on_side);
	s->io.data = s;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

/* -1: no socket, or refused at once. */
static int connect_start(const struct target *to)
{
	struct sockaddr_storage ss;
	const int retries = SYN_RETRIES;
	socklen_t length = sock_address(&ss, &to->addr, to->port);
	int fd = outgoing_socket(to->addr.family, SOCK_STREAM);

	if (fd < 0)
		return -1;
	setsockopt(fd, IPPROTO_TCP, TCP_SYNCNT, &retries, sizeof retries);
	if (connect(fd, (void *)&ss, length) == 0 || errno == EINPROGRESS)
		return fd;
	close(fd);
	return -1;
}

/* ---- room ---- */

static struct relay_tcp_port *port_largest(const struct relay_tcp *t)
{
	struct relay_tcp_port *p, *largest = LIST_FIRST(&t->ports);

	LIST_FOREACH(p, &t->ports, link)
	if (p->open > largest->open)
		largest = p;
	return largest;
}

static void evict(struct relay_tcp_port *p)
{
	atomic_fetch_add_explicit(&p->tcp->counts->evicted, 1, memory_order_relaxed);
	connection_close(TAILQ_FIRST(&p->connections), true);
}

bool relay_tcp_room(struct relay_tcp_port *p)
{
	struct relay_tcp *t = p->tcp;

	if (t->open < t->limits.connections_max)
		return true;
	struct relay_tcp_port *largest = port_largest(t);
	if (largest->open > p->open + 1) {
		evict(largest);
		return true;
	}
	const struct connection *oldest = TAILQ_FIRST(&p->connections);
	if (oldest == NULL || ev_now(t->loop) - oldest->active < t->limits.idle_s)
		return false;
	evict(p);
	return true;
}

/* ---- life ---- */

static struct connection *connection_new(struct relay_tcp_port *p, int client, int server)
{
	struct connection *j = mem_alloc(sizeof *j);

	j->tcp = p->tcp;
	j->port = p;
	j->connecting = true;
	j->active = ev_now(p->tcp->loop);
	side_init(&j->client, j, &j->server, client);
	side_init(&j->server, j, &j->client, server);
	ev_timer_init(&j->half_closed, on_half_closed, 0, p->tcp->limits.half_closed_s);
	j->half_closed.data = j;
	TAILQ_INSERT_TAIL(&p->connections, j, link);
	return j;
}

void relay_tcp_connect(struct relay_tcp_port *p, int client, const struct target *to)
{
	struct relay_tcp *t = p->tcp;
	int server = connect_start(to);

	if (server < 0) {
		atomic_fetch_add_explicit(&t->counts->failed, 1, memory_order_relaxed);
		sock_reset(client);
		return;
	}
	struct connection *j = connection_new(p, client, server);
	p->open++;
	t->open++;
	atomic_store_explicit(&t->counts->open, t->open, memory_order_relaxed);
	atomic_fetch_add_explicit(&t->counts->opened, 1, memory_order_relaxed);
	watch(&j->server);
}

struct relay_tcp_port *relay_tcp_port_new(struct relay_tcp *t)
{
	struct relay_tcp_port *p = mem_alloc(sizeof *p);

	p->tcp = t;
	TAILQ_INIT(&p->connections);
	LIST_INSERT_HEAD(&t->ports, p, link);
	return p;
}

void relay_tcp_port_close(struct relay_tcp_port *p)
{
	if (p == NULL)
		return;
	p->closed = true;
	port_free_unused(p);
}

struct relay_tcp *relay_tcp_new(struct ev_loop *loop, struct relay_tcp_counts *counts,
				const struct relay_tcp_limits *limits)
{
	struct relay_tcp *t = mem_alloc(sizeof *t);

	t->loop = loop;
	t->counts = counts;
	t->limits = *limits;
	LIST_INIT(&t->ports);
	return t;
}

void relay_tcp_free(struct relay_tcp *t)
{
	for (struct relay_tcp_port *p; (p = LIST_FIRST(&t->ports)) != NULL;)
		connection_close(TAILQ_FIRST(&p->connections), true); /* the last one frees its port */
	free(t);
}
