/* Connections of DNS clients: reads, answers, writes; who is idle for longest. */
#include "dns/server/tcp_conn.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/sock.h"
#include "dns/server/brought.h"
#include "dns/answer/query_log.h"

#define READ_BYTES 4096
#define LENGTH_BYTES 2 /* in front of every message (RFC 1035 4.2.2) */

struct conn {
	ev_io io;
	ev_timer idle;
	ev_timer next; /* what has come already has its turn after the other connections */
	struct conns *all;
	struct sockaddr_storage from;
	struct buf in, out;
	bool ended;	  /* the client sends no more */
	bool gone;	  /* closed, kept for the queries that the forwarder has */
	unsigned waiting; /* such queries */
	TAILQ_ENTRY(conn) link;
};

/* Ends our part in a connection, not the connection. */
static void conn_forget(struct conn *c)
{
	struct conns *t = c->all;

	ev_io_stop(t->loop, &c->io);
	ev_timer_stop(t->loop, &c->idle);
	ev_timer_stop(t->loop, &c->next);
	TAILQ_REMOVE(&t->list, c, link);
	t->count--;
	buf_fini(&c->in);
	buf_fini(&c->out);
	c->gone = true;
	if (c->waiting == 0)
		free(c);
}

static void conn_close(struct conn *c)
{
	int fd = c->io.fd;

	conn_forget(c);
	close(fd);
}

static void conn_progress(struct conn *c)
{
	struct conns *t = c->all;

	TAILQ_REMOVE(&t->list, c, link);
	TAILQ_INSERT_TAIL(&t->list, c, link);
	ev_timer_again(t->loop, &c->idle);
}

static void on_idle(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)loop, (void)events;
	conn_close(w->data);
}

/* For a further query, and for its reply. */
static bool conn_has_room(const struct conn *c)
{
	return c->out.length_bytes < TCP_UNSENT_BYTES && c->waiting < TCP_WAITING;
}

/* Reads while there is room and all that came is answered, writes while there are replies. */
static void conn_watch(struct conn *c)
{
	int events = 0;

	if (!c->ended && conn_has_room(c) && !ev_is_active(&c->next))
		events |= EV_READ;
	if (c->out.length_bytes > 0)
		events |= EV_WRITE;
	if ((c->io.events & (EV_READ | EV_WRITE)) == events)
		return;
	ev_io_stop(c->all->loop, &c->io);
	ev_io_modify(&c->io, events);
	ev_io_start(c->all->loop, &c->io);
}

/* What has become of a connection. */
enum outcome { CONN_GOES_ON, CONN_CLOSE, CONN_GIVEN_AWAY };

/* A message that gets no reply ends the connection: nothing good follows it. A transfer takes the connection over. */
static enum outcome conn_answer(struct conn *c, const uint8_t *message, size_t length)
{
	struct conns *t = c->all;
	struct packet packet = {message, length, (struct sockaddr *)&c->from, RESPOND_TCP};
	const uint64_t start_ns = clock_ns();

	if (transfer_threads_take(t->transfers, t->responder.config, &packet, c->io.fd, &c->out)) {
		conn_forget(c);
		return CONN_GIVEN_AWAY;
	}
	size_t bytes;

	t->responder.client = (struct dns_client){.conn = c};
	enum respond_verdict verdict = respond(&t->responder, &packet, t->reply, sizeof t->reply, &bytes);
	uint64_t ns = clock_ns() - start_ns;

	if (verdict == RESPOND_FORWARD) {
		c->waiting++;
		return CONN_GOES_ON;
	}
	respond_observe(t->responder.counts, 1, ns);
	if (t->log != NULL)
		querylog_add(t->log, &packet,
			     &(struct querylog_result){.reply = t->reply,
						       .reply_bytes = bytes,
						       .ns = ns,
						       .origin.cache = t->responder.cached ? ORIGIN_HIT : ORIGIN_OWN});
	if (bytes == 0)
		return CONN_CLOSE;
	brought_message(&c->out, t->reply, bytes);
	return CONN_GOES_ON;
}

/* Answers the whole messages that have arrived, as long as there is room. */
static enum outcome answer_all(struct conn *c)
{
	enum outcome outcome = CONN_GOES_ON;
	size_t at = 0;

	while (conn_has_room(c) && c->in.length_bytes - at >= LENGTH_BYTES) {
		const uint8_t *message = (const uint8_t *)c->in.data + at;
		size_t length = wire_get16(message);
		if (length > TCP_QUERY_BYTES)
			return CONN_CLOSE;
		if (c->in.length_bytes - at - LENGTH_BYTES < length)
			break;
		outcome = conn_answer(c, message + LENGTH_BYTES, length);
		if (outcome != CONN_GOES_ON)
			return outcome;
		at += LENGTH_BYTES + length;
	}
	if (at > 0) {
		buf_consume(&c->in, at);
		conn_progress(c);
	}
	return outcome;
}

static bool conn_flush(struct conn *c)
{
	size_t at = 0;
	ssize_t sent = 0;

	while (at < c->out.length_bytes) {
		sent = send(c->io.fd, c->out.data + at, c->out.length_bytes - at, MSG_NOSIGNAL);
		if (sent < 0)
			break;
		at += (size_t)sent;
	}
	const bool good = sent >= 0 || errno == EAGAIN || errno == EINTR;
	if (at > 0) {
		buf_consume(&c->out, at); /* once: the rest moves */
		conn_progress(c);
	}
	return good;
}

static bool receive(struct conn *c)
{
	uint8_t bytes[READ_BYTES];
	ssize_t got = recv(c->io.fd, bytes, sizeof bytes, 0);

	if (got < 0)
		return errno == EAGAIN || errno == EINTR;
	c->ended = got == 0;
	buf_add(&c->in, bytes, (size_t)got);
	return true;
}

/*
 * Answers and writes once. What waited for room must not wait for the client to send more, but for the others' turn: a
 * client that sends many queries with large answers, on many connections, must not hold those up that ask one.
 */
static enum outcome conn_serve(struct conn *c)
{
	const size_t before = c->in.length_bytes;
	enum outcome outcome = answer_all(c);

	if (outcome == CONN_GIVEN_AWAY)
		return outcome;
	if (!conn_flush(c) || outcome == CONN_CLOSE) /* what came in front of a bad message is answered */
		return CONN_CLOSE;
	if (c->in.length_bytes != before && c->in.length_bytes != 0 && conn_has_room(c))
		ev_timer_start(c->all->loop, &c->next);
	return CONN_GOES_ON;
}

/* What has come is added; false: the connection is of no use. */
static void conn_go_on(struct conn *c, bool good)
{
	enum outcome outcome = good && conn_flush(c) ? conn_serve(c) : CONN_CLOSE;

	if (outcome == CONN_GIVEN_AWAY)
		return;
	const bool idle = c->out.length_bytes == 0 && c->waiting == 0 && !ev_is_active(&c->next);
	if (outcome == CONN_CLOSE || (c->ended && idle))
		conn_close(c);
	else
		conn_watch(c);
}

static void on_next(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)loop, (void)events;
	conn_go_on(w->data, true);
}

static void on_conn(struct ev_loop *loop, ev_io *w, int events)
{
	struct conn *c = w->data;

	(void)loop;
	conn_go_on(c, (events & EV_READ) == 0 || receive(c));
}

/* As many as are left for all others, so that a few clients do not close what others keep open. */
static size_t client_most(const struct conns *t)
{
	const size_t left = t->max - t->count;

	return left < TCP_CONNECTIONS_PER_CLIENT ? left : TCP_CONNECTIONS_PER_CLIENT;
}

/* The connection of this client that made no progress for longest, once it has as many as one may have; else NULL. */
static struct conn *client_surplus(const struct conns *t, const struct addr *client)
{
	struct conn *c, *idle_longest = NULL;
	struct addr other;
	size_t n = 0;

	TAILQ_FOREACH(c, &t->list, link)
	{
		sock_parse(&other, &c->from);
		if (!addr_equal(client, &other))
			continue;
		if (idle_longest == NULL)
			idle_longest = c;
		n++;
	}
	return n >= client_most(t) ? idle_longest : NULL;
}

bool conns_close_idle(struct conns *t)
{
	if (TAILQ_EMPTY(&t->list))
		return false;
	conn_close(TAILQ_FIRST(&t->list));
	return true;
}

void conns_open(struct conns *t, int fd, const struct sockaddr_storage *from)
{
	struct addr client;

	sock_parse(&client, from);
	struct conn *surplus = client_surplus(t, &client);
	if (surplus != NULL && !sock_is_shared(from))
		conn_close(surplus);
	if (t->count >= t->max)
		conns_close_idle(t);
	struct conn *c = mem_alloc(sizeof *c);
	c->all = t;
	c->from = *from;
	c->io.data = c->idle.data = c->next.data = c;
	ev_io_init(&c->io, on_conn, fd, EV_READ);
	ev_init(&c->idle, on_idle);
	ev_timer_init(&c->next, on_next, 0., 0.);
	c->idle.repeat = TCP_IDLE_MS / 1000.0;
	TAILQ_INSERT_TAIL(&t->list, c, link);
	t->count++;
	ev_io_start(t->loop, &c->io);
	ev_timer_again(t->loop, &c->idle);
}

void conns_take(struct forward_request *r)
{
	struct conn *c = r->conn;

	c->waiting--;
	if (c->gone) {
		if (c->waiting == 0)
			free(c);
		return;
	}
	const bool good = conn_flush(c) && c->out.length_bytes + LENGTH_BYTES + r->reply_bytes < TCP_UNSENT_BYTES_MAX;
	if (good && r->reply_bytes > 0)
		brought_message(&c->out, r->reply, r->reply_bytes);
	conn_go_on(c, good);
}
