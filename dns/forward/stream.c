/* A shared connection to a server. */
#include "dns/forward/stream.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/outgoing.h"
#include "base/random.h"
#include "base/sock.h"
#include "dns/forward/tls.h"
#include "dns/wire/wire.h"

#define IDLE_S 10.	     /* RFC 7766 6.2.3: seconds */
#define READS_MAX 128	     /* at once */
#define WAITING_MAX 4096     /* queries on one connection */
#define ERROR_PAUSE_MS 60000 /* between log lines about one server's certificate */

struct stream {
	struct ev_loop *loop;
	const struct forward_server *to;
	ev_io io; /* fd -1: no connection */
	ev_timer idle, more;
	bool connected; /* TCP, and TLS */
	bool entered;	/* its events are being handled… */
	bool freed;	/* …and it is to be freed after that */
	SSL *ssl;
	SSL_SESSION *session;
	TAILQ_HEAD(, stream_query) waiting;
	size_t waiting_count;
	struct buf out; /* what the queries that wait are made of, at most */
	size_t out_at;
	uint64_t sent; /* bytes, on this connection */
	uint8_t *in;   /* length and message as far as they came */
	size_t in_bytes;
	unsigned connection; /* which one this is */
	uint64_t received;   /* bytes, on this connection */
	uint64_t told_ms;
};

/* ---- queries ---- */

static void waiting_remove(struct stream_query *q)
{
	TAILQ_REMOVE(&q->stream->waiting, q, link);
	q->stream->waiting_count--;
	q->stream = NULL;
}

static struct stream_query *waiting_find(const struct stream *s, uint16_t id)
{
	struct stream_query *q = TAILQ_FIRST(&s->waiting);

	while (q != NULL && q->id != id)
		q = TAILQ_NEXT(q, link);
	return q;
}

static void put(struct stream *s, struct stream_query *q)
{
	do {
		random_fill(&q->id, sizeof q->id);
	} while (waiting_find(s, q->id) != NULL);
	q->stream = s;
	q->number = s->received;
	size_t at = s->out.length_bytes;
	buf_add(&s->out, q->out, q->out_bytes);
	q->end = s->sent + s->out.length_bytes - s->out_at;
	wire_put16((uint8_t *)s->out.data + at + 2, q->id);
	TAILQ_INSERT_TAIL(&s->waiting, q, link);
	s->waiting_count++;
}

/* ---- the connection ---- */

static void events_set(struct stream *s, int events)
{
	int fd = s->io.fd;

	if (ev_is_active(&s->io) && s->io.events == events)
		return;
	ev_io_stop(s->loop, &s->io);
	ev_io_set(&s->io, fd, events);
	ev_io_start(s->loop, &s->io);
}

static void close_connection(struct stream *s)
{
	if (s->io.fd < 0)
		return;
	ev_io_stop(s->loop, &s->io);
	ev_timer_stop(s->loop, &s->idle);
	ev_timer_stop(s->loop, &s->more);
	if (s->ssl != NULL && s->connected) /* without it the session could not be resumed */
		(void)SSL_shutdown(s->ssl);
	SSL_free(s->ssl);
	s->ssl = NULL;
	close(s->io.fd);
	ev_io_set(&s->io, -1, 0);
	buf_fini(&s->out);
	s->out_at = s->in_bytes = 0;
	s->received = s->sent = 0;
	s->connected = false;
}

/*
 * The connection is gone. A server may close one that was idle just when a query leaves (RFC 7766 6.2.4): what waits
 * for its first reply goes out once more where the connection had served before.
 */
static void lost(struct stream *s)
{
	bool served = s->received > 0;
	TAILQ_HEAD(, stream_query) was = TAILQ_HEAD_INITIALIZER(was);
	struct stream_query *q;

	close_connection(s);
	while ((q = TAILQ_FIRST(&s->waiting)) != NULL) {
		waiting_remove(q);
		TAILQ_INSERT_TAIL(&was, q, link);
	}
	while ((q = TAILQ_FIRST(&was)) != NULL) {
		TAILQ_REMOVE(&was, q, link);
		bool again = served && !q->again;
		q->again = true;
		if (!again || !stream_ask(s, q))
			q->done(q, NULL, 0);
	}
}

static void tell(struct stream *s)
{
	char to[ADDR_PORT_TEXT_BYTES];
	uint64_t now_ms = clock_ms();

	if (s->connected || (s->told_ms != 0 && now_ms - s->told_ms < ERROR_PAUSE_MS))
		return;
	s->told_ms = now_ms;
	log_warn("dns: upstream %s: TLS: %s", addr_port_format(&s->to->at.addr, s->to->at.port, to), tls_error(s->ssl));
}

/* What a call of OpenSSL wants: waits for it; false: the connection is of no use. */
static bool tls_wait(struct stream *s, int result)
{
	int why = SSL_get_error(s->ssl, result);

	if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) {
		events_set(s, why == SSL_ERROR_WANT_READ ? EV_READ : EV_READ | EV_WRITE);
		return true;
	}
	if (why != SSL_ERROR_ZERO_RETURN)
		tell(s);
	return false;
}

/* Bytes; 0: later; -1: of no use. */
static ssize_t transfer(struct stream *s, void *in, const void *out, size_t bytes)
{
	if (s->ssl == NULL) {
		ssize_t n = out != NULL ? send(s->io.fd, out, bytes, MSG_NOSIGNAL) : recv(s->io.fd, in, bytes, 0);
		if (n < 0 && sock_again(errno))
			return 0;
		return n == 0 && out == NULL ? -1 : n;
	}
	ERR_clear_error();
	int n = out != NULL ? SSL_write(s->ssl, out, (int)bytes) : SSL_read(s->ssl, in, (int)bytes);
	if (n > 0)
		return n;
	return tls_wait(s, n) ? 0 : -1;
}

static bool flush(struct stream *s)
{
	while (s->out_at < s->out.length_bytes) {
		ssize_t n = transfer(s, NULL, s->out.data + s->out_at, s->out.length_bytes - s->out_at);
		if (n < 0)
			return false;
		if (n == 0) {
			events_set(s, EV_READ | EV_WRITE);
			return true;
		}
		s->out_at += (size_t)n;
		s->sent += (size_t)n;
	}
	buf_clear(&s->out);
	s->out_at = 0;
	events_set(s, EV_READ);
	return true;
}

/* A whole message is in. */
static void take(struct stream *s)
{
	uint8_t *message = s->in + 2;
	size_t length = s->in_bytes - 2;
	struct stream_query *q = length >= WIRE_HEADER_BYTES ? waiting_find(s, wire_get16(message)) : NULL;

	s->in_bytes = 0;
	if (q == NULL || q->end > s->sent) /* that one cannot have been read yet */
		return;
	waiting_remove(q);
	memcpy(message, q->out + 2, 2);
	if (!q->done(q, message, length))
		q->done(q, NULL, 0);
}

/* A server that sends without end does not keep the thread: others' turn comes in between. */
static bool receive(struct stream *s)
{
	const unsigned connection = s->connection;

	if (s->in == NULL)
		s->in = mem_alloc(2 + WIRE_MESSAGE_BYTES);
	for (unsigned reads = 0; reads < READS_MAX; reads++) {
		size_t want = s->in_bytes < 2 ? 2 : 2U + wire_get16(s->in);
		if (want > s->in_bytes) {
			ssize_t n = transfer(s, s->in + s->in_bytes, NULL, want - s->in_bytes);
			if (n <= 0)
				return n == 0;
			s->in_bytes += (size_t)n;
			s->received += (size_t)n;
		}
		if (s->in_bytes >= 2 && s->in_bytes == 2U + wire_get16(s->in)) {
			take(s);
			if (s->io.fd < 0 || s->connection != connection) /* a callback gave it up */
				return true;
		}
	}
	if (s->ssl != NULL) { /* OpenSSL may hold more than the socket tells of */
		ev_timer_set(&s->more, 0., 0.);
		ev_timer_start(s->loop, &s->more);
	}
	return true;
}

static bool handshake(struct stream *s)
{
	int failure = 0;
	socklen_t bytes = sizeof failure;

	if (getsockopt(s->io.fd, SOL_SOCKET, SO_ERROR, &failure, &bytes) != 0 || failure != 0)
		return false;
	if (s->to->tls) {
		if (s->ssl == NULL)
			s->ssl = tls_new(s->io.fd, s->to, &s->session);
		if (s->ssl == NULL)
			return false;
		ERR_clear_error();
		int n = SSL_do_handshake(s->ssl);
		if (n != 1)
			return tls_wait(s, n);
	}
	s->connected = true;
	return true;
}

static void idle_restart(struct stream *s)
{
	if (s->io.fd < 0)
		return;
	ev_timer_stop(s->loop, &s->idle);
	if (s->waiting_count == 0)
		ev_timer_again(s->loop, &s->idle);
}

static void go_on(struct stream *s)
{
	s->entered = true;
	if ((!s->connected && !handshake(s)) || (s->connected && (!flush(s) || !receive(s))))
		lost(s);
	idle_restart(s);
	s->entered = false;
	if (s->freed) /* by the last question that its servers were kept for */
		stream_free(s);
}

static void on_io(struct ev_loop *loop, ev_io *w, int events)
{
	(void)loop, (void)events;
	go_on(w->data);
}

static void on_more(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)loop, (void)events;
	go_on(w->data);
}

static void on_idle(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)loop, (void)events;
	close_connection(w->data);
}

static bool open_connection(struct stream *s)
{
	struct sockaddr_storage ss;
	socklen_t bytes = sock_address(&ss, &s->to->at.addr, s->to->at.port);
	int fd = outgoing_socket(s->to->at.addr.family, SOCK_STREAM);

	if (fd < 0)
		return false;
	if (connect(fd, (struct sockaddr *)&ss, bytes) != 0 && errno != EINPROGRESS) {
		int failure = errno;
		close(fd);
		errno = failure;
		return false;
	}
	s->connection++;
	ev_io_set(&s->io, fd, EV_WRITE);
	ev_io_start(s->loop, &s->io);
	return true;
}

bool stream_ask(struct stream *s, struct stream_query *q)
{
	if (s->waiting_count >= WAITING_MAX) {
		errno = ENOBUFS;
		return false;
	}
	if (s->io.fd < 0 && !open_connection(s))
		return false;
	put(s, q);
	ev_timer_stop(s->loop, &s->idle);
	if (s->connected) /* not from here: a failure calls `done` */
		events_set(s, EV_READ | EV_WRITE);
	return true;
}

void stream_drop(struct stream_query *q)
{
	struct stream *s = q->stream;

	if (s == NULL)
		return;
	bool silent = s->received == q->number, unread = q->end > s->sent;
	waiting_remove(q);
	if (silent || unread)
		lost(s);
	else
		idle_restart(s);
}

struct stream *stream_new(struct ev_loop *loop, const struct forward_server *to)
{
	struct stream *s = mem_alloc(sizeof *s);

	s->loop = loop;
	s->to = to;
	TAILQ_INIT(&s->waiting);
	ev_io_init(&s->io, on_io, -1, 0);
	ev_timer_init(&s->idle, on_idle, 0., IDLE_S);
	ev_init(&s->more, on_more);
	s->io.data = s->idle.data = s->more.data = s;
	return s;
}

void stream_free(struct stream *s)
{
	if (s == NULL)
		return;
	close_connection(s);
	s->freed = true;
	if (s->entered)
		return;
	SSL_SESSION_free(s->session);
	free(s->in);
	free(s);
}
