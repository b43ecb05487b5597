/* Connects to a port, and closes the connection. */
#include <errno.h>
#include <netinet/in.h>
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
	ev_timer timer; /* the end of it: its time-out, or at once */
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
	r.end(r.ctx, error == 0, probe_why(error, text));
}

static void on_connected(struct ev_loop *loop, struct ev_io *io, int events)
{
	struct tcp_attempt *a = io->data;
	socklen_t length = sizeof(int);
	int error = 0;

	(void)loop, (void)events;
	getsockopt(a->fd, SOL_SOCKET, SO_ERROR, &error, &length);
	end(a, error);
}

static void on_time(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	struct tcp_attempt *a = timer->data;

	(void)loop, (void)events;
	end(a, a->error);
}

static int begin(struct tcp_attempt *a)
{
	const struct probe_request *r = &a->request;
	const struct addr *to = r->spec->host.family != 0 ? &r->spec->host : &r->addr;
	struct sockaddr_storage ss;
	socklen_t length = sock_address(&ss, to, r->spec->port != 0 ? r->spec->port : r->port);

	a->fd = outgoing_socket(to->family, SOCK_STREAM);
	if (a->fd < 0)
		return errno;
	if (connect(a->fd, (struct sockaddr *)&ss, length) == 0 || errno == EINPROGRESS)
		return 0;
	return errno;
}

struct probe_attempt *probe_tcp_start(struct ev_loop *loop, const struct probe_request *r)
{
	struct tcp_attempt *a = mem_alloc(sizeof *a);

	*a = (struct tcp_attempt){.attempt = {on_cancel}, .loop = loop, .request = *r};
	a->error = begin(a);
	ev_io_init(&a->io, on_connected, a->fd, EV_WRITE);
	ev_timer_init(&a->timer, on_time, a->error != 0 ? 0 : r->spec->timeout_ms / 1000.0, 0);
	a->io.data = a->timer.data = a;
	if (a->error == 0) {
		a->error = ETIMEDOUT;
		ev_io_start(loop, &a->io);
	}
	ev_timer_start(loop, &a->timer);
	return &a->attempt;
}
