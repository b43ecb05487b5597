#include "relay/relay_tcp.h"

#include <assert.h>
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
	LIST_ENTRY(connection) link;
};

struct relay_tcp {
	struct ev_loop *loop;
	struct relay_tcp_counts *counts;
	unsigned open, connections_max;
	LIST_HEAD(, connection) connections;
	char chunk[CHUNK_BYTES];
};

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
	struct relay_tcp *t = j->tcp;

	side_close(&j->client, reset);
	side_close(&j->server, reset);
	LIST_REMOVE(j, link);
	free(j);
	t->open--;
	atomic_store_explicit(&t->counts->open, t->open, memory_order_relaxed);
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
	int fd = sock_outgoing(to->addr.family, SOCK_STREAM);

	if (fd < 0)
		return -1;
	setsockopt(fd, IPPROTO_TCP, TCP_SYNCNT, &retries, sizeof retries);
	if (connect(fd, (void *)&ss, length) == 0 || errno == EINPROGRESS)
		return fd;
	close(fd);
	return -1;
}

void relay_tcp_connect(struct relay_tcp *t, int client, const struct target *to)
{
	assert(!relay_tcp_full(t));
	int server = connect_start(to);
	if (server < 0) {
		atomic_fetch_add_explicit(&t->counts->failed, 1, memory_order_relaxed);
		sock_reset(client);
		return;
	}
	struct connection *j = mem_alloc(sizeof *j);
	j->tcp = t;
	j->connecting = true;
	side_init(&j->client, j, &j->server, client);
	side_init(&j->server, j, &j->client, server);
	LIST_INSERT_HEAD(&t->connections, j, link);
	t->open++;
	atomic_store_explicit(&t->counts->open, t->open, memory_order_relaxed);
	atomic_fetch_add_explicit(&t->counts->opened, 1, memory_order_relaxed);
	watch(&j->server);
}

bool relay_tcp_full(const struct relay_tcp *t)
{
	return t->open >= t->connections_max;
}

struct relay_tcp *relay_tcp_new(struct ev_loop *loop, struct relay_tcp_counts *counts, unsigned connections_max)
{
	struct relay_tcp *t = mem_alloc(sizeof *t);

	t->loop = loop;
	t->counts = counts;
	t->connections_max = connections_max;
	LIST_INIT(&t->connections);
	return t;
}

void relay_tcp_free(struct relay_tcp *t)
{
	for (struct connection *j; (j = LIST_FIRST(&t->connections)) != NULL;)
		connection_close(j, true);
	free(t);
}
