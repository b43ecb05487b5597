#include "dns/server/tcp.h"

#include <errno.h>
#include <ev.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/accept.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/descriptors.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sock.h"
#include "dns/server/brought.h"
#include "dns/server/query_log.h"
#include "dns/zone/rcu.h"
#include "dns/server/transfer_thread.h"

#define READ_BYTES 4096
#define LENGTH_BYTES 2 /* in front of every message (RFC 1035 4.2.2) */

struct conn {
	ev_io io;
	ev_timer idle;
	struct tcp *tcp;
	struct sockaddr_storage from;
	struct buf in, out;
	bool ended;	  /* the client sends no more */
	bool gone;	  /* closed, kept for the queries that the forwarder has */
	unsigned waiting; /* such queries */
	TAILQ_ENTRY(conn) link;
};

struct tcp {
	struct querylog_ring *log; /* NULL: none */
	struct respond_counts counts;
	struct responder responder;
	pthread_t thread;
	struct ev_loop *loop;
	ev_async stop;
	ev_io *listeners;
	ev_timer pause; /* runs while nothing is accepted */
	size_t listener_count, connections, connections_max;
	struct transfer_threads transfers;
	TAILQ_HEAD(conns, conn) conns; /* longest without progress first */
	uint8_t reply[WIRE_MESSAGE_BYTES];
	struct brought brought;
};

/* Ends our part in a connection, not the connection. */
static void conn_forget(struct conn *c)
{
	struct tcp *t = c->tcp;

	ev_io_stop(t->loop, &c->io);
	ev_timer_stop(t->loop, &c->idle);
	TAILQ_REMOVE(&t->conns, c, link);
	t->connections--;
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
	struct tcp *t = c->tcp;

	TAILQ_REMOVE(&t->conns, c, link);
	TAILQ_INSERT_TAIL(&t->conns, c, link);
	ev_timer_again(t->loop, &c->idle);
}

static void on_idle(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)loop, (void)events;
	conn_close(w->data);
}

/* Reads while replies are taken, writes while there are some. */
static void conn_watch(struct conn *c)
{
	int events = 0;

	if (!c->ended && c->out.length_bytes < TCP_UNSENT_BYTES)
		events |= EV_READ;
	if (c->out.length_bytes > 0)
		events |= EV_WRITE;
	if ((c->io.events & (EV_READ | EV_WRITE)) == events)
		return;
	ev_io_stop(c->tcp->loop, &c->io);
	ev_io_modify(&c->io, events);
	ev_io_start(c->tcp->loop, &c->io);
}

/* What has become of a connection. */
enum outcome { CONN_GOES_ON, CONN_CLOSE, CONN_GIVEN_AWAY };

/* A message that gets no reply ends the connection: nothing good follows it. A transfer takes the connection over. */
static enum outcome tcp_answer(struct conn *c, const uint8_t *message, size_t length)
{
	struct tcp *t = c->tcp;
	struct packet packet = {message, length, (struct sockaddr *)&c->from, RESPOND_TCP};
	const uint64_t start_ns = clock_ns();

	if (transfer_threads_take(&t->transfers, t->responder.config, &packet, c->io.fd, &c->out)) {
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
	respond_observe(&t->counts, 1, ns);
	if (t->log != NULL)
		querylog_add(t->log, &packet, t->reply, bytes, ns);
	if (bytes == 0)
		return CONN_CLOSE;
	brought_message(&c->out, t->reply, bytes);
	return CONN_GOES_ON;
}

/* Answers the whole messages that have arrived, as long as replies have room. */
static enum outcome answer_all(struct conn *c)
{
	enum outcome outcome = CONN_GOES_ON;
	size_t at = 0;

	while (c->out.length_bytes < TCP_UNSENT_BYTES && c->in.length_bytes - at >= LENGTH_BYTES) {
		const uint8_t *message = (const uint8_t *)c->in.data + at;
		size_t length = wire_get16(message);
		if (length > TCP_QUERY_BYTES)
			return CONN_CLOSE;
		if (c->in.length_bytes - at - LENGTH_BYTES < length)
			break;
		outcome = tcp_answer(c, message + LENGTH_BYTES, length);
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

static bool tcp_flush(struct conn *c)
{
	while (c->out.length_bytes > 0) {
		ssize_t sent = send(c->io.fd, c->out.data, c->out.length_bytes, MSG_NOSIGNAL);
		if (sent < 0)
			return errno == EAGAIN || errno == EINTR;
		buf_consume(&c->out, (size_t)sent);
		conn_progress(c);
	}
	return true;
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

/* Answers and writes until nothing moves: what waits for room must not wait for the client to send more. */
static enum outcome tcp_serve(struct conn *c)
{
	size_t before;

	do {
		before = c->in.length_bytes;
		enum outcome outcome = answer_all(c);
		if (outcome != CONN_GOES_ON)
			return outcome;
		if (!tcp_flush(c))
			return CONN_CLOSE;
	} while (c->in.length_bytes != before);
	return CONN_GOES_ON;
}

static void on_conn(struct ev_loop *loop, ev_io *w, int events)
{
	struct conn *c = w->data;
	enum outcome outcome = CONN_CLOSE;

	(void)loop;
	if (((events & EV_READ) == 0 || receive(c)) && tcp_flush(c))
		outcome = tcp_serve(c);
	if (outcome == CONN_GIVEN_AWAY)
		return;
	if (outcome == CONN_CLOSE || (c->ended && c->out.length_bytes == 0 && c->waiting == 0))
		conn_close(c);
	else
		conn_watch(c);
}

/* The connection of this client that made no progress for longest, once it has as many as one may have; else NULL. */
static struct conn *client_surplus(const struct tcp *t, const struct addr *client)
{
	struct conn *c, *idle_longest = NULL;
	struct addr other;
	size_t n = 0;

	TAILQ_FOREACH(c, &t->conns, link)
	{
		sock_parse(&other, &c->from);
		if (!addr_equal(client, &other))
			continue;
		if (idle_longest == NULL)
			idle_longest = c;
		n++;
	}
	return n >= TCP_CONNECTIONS_PER_CLIENT ? idle_longest : NULL;
}

static void conn_open(struct tcp *t, int fd, const struct sockaddr_storage *from)
{
	if (t->connections >= t->connections_max)
		conn_close(TAILQ_FIRST(&t->conns));
	struct conn *c = mem_alloc(sizeof *c);
	c->tcp = t;
	c->from = *from;
	c->io.data = c->idle.data = c;
	ev_io_init(&c->io, on_conn, fd, EV_READ);
	ev_init(&c->idle, on_idle);
	c->idle.repeat = TCP_IDLE_MS / 1000.0;
	TAILQ_INSERT_TAIL(&t->conns, c, link);
	t->connections++;
	ev_io_start(t->loop, &c->io);
	ev_timer_again(t->loop, &c->idle);
}

static void listeners_watch(struct tcp *t, bool on)
{
	for (size_t i = 0; i < t->listener_count; i++)
		(on ? ev_io_start : ev_io_stop)(t->loop, &t->listeners[i]);
}

static void on_pause_end(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)loop, (void)events;
	listeners_watch(w->data, true);
}

/* The connection without progress for longest gives its descriptor; when there is none, clients wait in the backlog. */
static void make_room(struct tcp *t)
{
	atomic_fetch_add_explicit(&t->counts.starved, 1, memory_order_relaxed);
	if (!TAILQ_EMPTY(&t->conns)) {
		conn_close(TAILQ_FIRST(&t->conns));
		return;
	}
	listeners_watch(t, false);
	ev_timer_set(&t->pause, ACCEPT_PAUSE_S, 0);
	ev_timer_start(t->loop, &t->pause);
}

static void on_accept(struct ev_loop *loop, ev_io *w, int events)
{
	struct tcp *t = w->data;
	struct sockaddr_storage from;
	socklen_t from_bytes = sizeof from;
	int fd = accept4(w->fd, (struct sockaddr *)&from, &from_bytes, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)loop, (void)events;
	if (fd < 0) {
		if (accept_starved(errno))
			make_room(t);
		return;
	}
	struct addr client;
	sock_parse(&client, &from);
	struct conn *surplus = client_surplus(t, &client);
	if (surplus != NULL && !sock_is_shared(&from))
		conn_close(surplus);
	conn_open(t, fd, &from);
}

static void on_stop(struct ev_loop *loop, ev_async *w, int events)
{
	(void)w, (void)events;
	ev_break(loop, EVBREAK_ALL);
}

static void tcp_take(struct forward_request *r)
{
	struct conn *c = r->conn;

	c->waiting--;
	if (c->gone) {
		if (c->waiting == 0)
			free(c);
		return;
	}
	if (r->reply_bytes > 0)
		brought_message(&c->out, r->reply, r->reply_bytes);
	if (!tcp_flush(c) || (c->ended && c->out.length_bytes == 0 && c->waiting == 0))
		conn_close(c);
	else
		conn_watch(c);
}

static void *tcp_run(void *arg)
{
	struct tcp *t = arg;

	rcu_register_thread();
	ev_run(t->loop, 0);
	rcu_unregister_thread();
	return NULL;
}

struct tcp *tcp_start(const int *fds, size_t count, const struct respond_config *config)
{
	struct tcp *t = mem_alloc(sizeof *t);

	t->responder = (struct responder){.config = config, .counts = &t->counts};
	t->log = config->log == NULL ? NULL : querylog_ring(config->log, &t->counts);
	t->loop = ev_loop_new(EVFLAG_AUTO);
	if (t->loop == NULL)
		fatalx("dns: cannot make an event loop");
	t->connections_max = descriptors_own() / 2 < TCP_CONNECTIONS ? descriptors_own() / 2 : TCP_CONNECTIONS;
	TAILQ_INIT(&t->conns);
	rcu_loop(t->loop);
	brought_start(&t->brought, t->loop, tcp_take);
	if (config->forward != NULL)
		t->responder.port = forward_port(config->forward, brought_add, &t->brought);
	ev_async_init(&t->stop, on_stop);
	ev_async_start(t->loop, &t->stop);
	t->listeners = mem_array(count, sizeof *t->listeners);
	t->listener_count = count;
	for (size_t i = 0; i < count; i++) {
		ev_io_init(&t->listeners[i], on_accept, fds[i], EV_READ);
		t->listeners[i].data = t;
	}
	ev_init(&t->pause, on_pause_end);
	t->pause.data = t;
	listeners_watch(t, true);
	if (pthread_create(&t->thread, NULL, tcp_run, t) != 0)
		fatalx("dns: cannot start the TCP thread");
	pthread_setname_np(t->thread, "dns-tcp");
	return t;
}

void tcp_stop(struct tcp *t)
{
	ev_async_send(t->loop, &t->stop);
	pthread_join(t->thread, NULL);
	if (t->responder.port != NULL)
		forward_port_drain(t->responder.port);
	brought_stop(&t->brought);
	while (!TAILQ_EMPTY(&t->conns))
		conn_close(TAILQ_FIRST(&t->conns));
	transfer_threads_stop(&t->transfers);
	listeners_watch(t, false);
	ev_timer_stop(t->loop, &t->pause);
	for (size_t i = 0; i < t->listener_count; i++)
		close(t->listeners[i].fd);
	ev_async_stop(t->loop, &t->stop);
	ev_loop_destroy(t->loop);
	free(t->listeners);
	free(t);
}

const struct respond_counts *tcp_counts(const struct tcp *t)
{
	return &t->counts;
}
