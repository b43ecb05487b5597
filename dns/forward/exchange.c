/* Sockets towards upstreams. */
#include "dns/forward/exchange.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/sock.h"

#define UDP_BYTES 4096 /* larger than what we offer */

static uint8_t datagram[UDP_BYTES]; /* one thread */

void exchange_stop(struct exchange *x)
{
	if (x->io.fd < 0)
		return;
	ev_io_stop(x->loop, &x->io);
	close(x->io.fd);
	free(x->in);
	x->in = NULL;
	ev_io_set(&x->io, -1, 0);
}

static void fail(struct exchange *x)
{
	exchange_stop(x);
	x->done(x, NULL, 0);
}

static void on_udp(struct exchange *x)
{
	ssize_t got = recv(x->io.fd, datagram, sizeof datagram, MSG_DONTWAIT);

	if (got < 0 && !sock_again(errno)) /* ICMP says that nothing listens */
		fail(x);
	else if (got >= 0)
		x->done(x, datagram, (size_t)got);
}

/* False: the connection is of no use. */
static bool tcp_send(struct exchange *x)
{
	ssize_t sent = send(x->io.fd, x->out + x->out_at, x->out_bytes - x->out_at, MSG_NOSIGNAL);

	if (sent < 0)
		return sock_again(errno);
	x->out_at += (size_t)sent;
	if (x->out_at == x->out_bytes) {
		ev_io_stop(x->loop, &x->io);
		ev_io_set(&x->io, x->io.fd, EV_READ);
		ev_io_start(x->loop, &x->io);
	}
	return true;
}

static bool tcp_receive(struct exchange *x)
{
	if (x->in == NULL)
		x->in = mem_alloc(2 + WIRE_MESSAGE_BYTES);
	size_t want = x->in_bytes < 2 ? 2 : 2U + wire_get16(x->in);
	ssize_t got = recv(x->io.fd, x->in + x->in_bytes, want - x->in_bytes, 0);

	if (got < 0)
		return sock_again(errno);
	x->in_bytes += (size_t)got;
	return got > 0;
}

static bool tcp_complete(const struct exchange *x)
{
	return x->in_bytes > 2 && x->in_bytes == 2U + wire_get16(x->in);
}

static void on_tcp(struct exchange *x, int events)
{
	if ((events & EV_WRITE) != 0 && !tcp_send(x)) {
		fail(x);
	} else if ((events & EV_READ) != 0) {
		if (!tcp_receive(x))
			fail(x);
		else if (tcp_complete(x) && !x->done(x, x->in + 2, x->in_bytes - 2))
			fail(x);
	}
}

static void on_io(struct ev_loop *loop, ev_io *w, int events)
{
	struct exchange *x = w->data;

	(void)loop;
	if (x->tcp)
		on_tcp(x, events);
	else
		on_udp(x);
}

void exchange_init(struct exchange *x, struct ev_loop *loop, exchange_fn *done)
{
	x->loop = loop;
	x->done = done;
	ev_io_init(&x->io, on_io, -1, 0);
	x->io.data = x;
}

bool exchange_start(struct exchange *x, const struct addr_port *to, bool tcp)
{
	struct sockaddr_storage ss;
	socklen_t bytes = sock_address(&ss, &to->addr, to->port);
	int fd = sock_outgoing(to->addr.family, tcp ? SOCK_STREAM : SOCK_DGRAM);

	if (fd < 0)
		return false;
	x->tcp = tcp;
	x->in_bytes = x->out_at = 0;
	wire_put16(x->out, (unsigned)x->out_bytes - 2);
	if ((connect(fd, (struct sockaddr *)&ss, bytes) != 0 && errno != EINPROGRESS) ||
	    (!tcp && send(fd, x->out + 2, x->out_bytes - 2, MSG_NOSIGNAL) < 0)) {
		int failure = errno;
		close(fd);
		errno = failure;
		return false;
	}
	ev_io_set(&x->io, fd, tcp ? EV_WRITE : EV_READ);
	ev_io_start(x->loop, &x->io);
	return true;
}

uint16_t exchange_fill(struct exchange *x, const struct question *asked, bool edns)
{
	uint8_t *p = x->out + 2;
	uint16_t id;

	if (getrandom(&id, sizeof id, 0) != sizeof id)
		fatal("dns: no random bytes");
	memset(p, 0, WIRE_HEADER_BYTES);
	wire_put16(p, id);
	wire_put16(p + 2, FLAG_RD | FLAG_AD | (asked->checking_disabled ? FLAG_CD : 0U));
	p[5] = 1;
	p[11] = edns;
	p += WIRE_HEADER_BYTES;
	memcpy(p, asked->bytes, asked->length);
	p += asked->length;
	if (edns) {
		*p = 0;
		wire_put16(p + 1, TYPE_OPT);
		wire_put16(p + 3, WIRE_UDP_BYTES);
		wire_put32(p + 5, asked->dnssec_ok ? 0x8000 : 0);
		wire_put16(p + 9, 0);
		p += 11;
	}
	x->out_bytes = (size_t)(p - x->out);
	return id;
}
