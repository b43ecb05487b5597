/* Connects to a port. The other end has answered then, and is told with a reset that there is nothing more. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/outgoing.h"
#include "base/sock.h"
#include "watch/lab/probe_attempt.h"

struct tcp_attempt {
	struct probe_attempt attempt;
	struct ev_loop *loop;
	struct probe_request request;
	int fd, error;
	ev_io io;
	ev_timer timer; /* its time-out */
};

void probe_attempt_cancel(struct probe_attempt *a)
{
	a->cancel(a);
}

static void on_cancel(struct probe_attempt *attempt)
{
	struct tcp_attempt *a = (struct tcp_attempt *)attempt;

	ev_io_stop(a->loop, &a->io);
	ev_timer_stop(a->loop, &a->timer);
	if (a->fd >= 0)
		close(a->fd);
	free(a);
}

const char *probe_why(int error, char text[PROBE_WHY_BYTES])
{
	if (error == 0)
		return "";
	if (error == ECONNREFUSED)
		return "connection refused";
	if (error == ETIMEDOUT)
		return "timeout";
	return strerror_r(error, text, PROBE_WHY_BYTES);
}

static void end(struct tcp_attempt *a, int error)
{
	const struct probe_request r = a->request;
	char text[PROBE_WHY_BYTES];

	on_cancel(&a->attempt);
	if (sock_is_starved(error)) /* says nothing of the endpoint */
		r.none(r.ctx, probe_why(error, text));
	else
		r.end(r.ctx, error == 0, probe_why(error, text));
}

int probe_socket(int family)
{
	static const struct linger reset = {.l_onoff = 1};
	static const int off = 0;
	const int fd = outgoing_socket(family, SOCK_STREAM);

	if (fd >= 0) {
		(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
		(void)setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &off, sizeof off);
	}
	return fd;
}

static void on_connected(struct ev_loop *loop, struct ev_io *io, int events)
{
	struct tcp_attempt *a = io->data;
	socklen_t length = sizeof(int);

	(void)loop, (void)events;
	if (a->error == EINPROGRESS)
		getsockopt(a->fd, SOL_SOCKET, SO_ERROR, &a->error, &length);
	end(a, a->error);
}

static void on_time(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	(void)loop, (void)events;
	end(timer->data, ETIMEDOUT);
}

static int connect_try(int fd, const struct addr *to, uint16_t port)
{
	struct sockaddr_storage ss;
	const socklen_t length = sock_address(&ss, to, port);

	return connect(fd, (struct sockaddr *)&ss, length) == 0 ? 0 : errno;
}

/*
 * EINPROGRESS, or how it ended: 0 or an error. On this machine (Pods, containers) a handshake is over when connect()
 * returns, and the second call says so: the loop need not wait for the socket.
 */
static int begin(struct tcp_attempt *a)
{
	const struct probe_request *r = &a->request;
	const struct addr *to = r->spec->host.family != 0 ? &r->spec->host : &r->addr;
	const uint16_t port = r->spec->port != 0 ? r->spec->port : r->port;
	int error;

	a->fd = probe_socket(to->family);
	if (a->fd < 0)
		return errno;
	error = connect_try(a->fd, to, port);
	if (error == EINPROGRESS)
		error = connect_try(a->fd, to, port);
	return error == EALREADY ? EINPROGRESS : error;
}

struct probe_attempt *probe_tcp_start(struct ev_loop *loop, const struct probe_request *r)
{
	struct tcp_attempt *a = mem_alloc(sizeof *a);

	*a = (struct tcp_attempt){.attempt = {on_cancel}, .loop = loop, .request = *r};
	a->error = begin(a);
	ev_io_init(&a->io, on_connected, a->fd, EV_WRITE);
	ev_timer_init(&a->timer, on_time, r->spec->timeout_ms / 1000.0, 0);
	a->io.data = a->timer.data = a;
	if (a->error == EINPROGRESS) {
		ev_io_start(loop, &a->io);
		ev_timer_start(loop, &a->timer);
	} else {
		ev_feed_event(loop, &a->io, EV_WRITE); /* not within this call */
	}
	return &a->attempt;
}
