/* Sockets towards upstreams. */
#include "dns/forward/exchange.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <urcu/compiler.h>

#include "base/outgoing.h"
#include "base/random.h"
#include "base/sock.h"

#define UDP_BYTES 4096 /* larger than what we offer */

static _Thread_local uint8_t datagram[UDP_BYTES];

static void close_socket(struct exchange *x)
{
	if (x->io.fd < 0)
		return;
	ev_io_stop(x->loop, &x->io);
	close(x->io.fd);
	ev_io_set(&x->io, -1, 0);
}

void exchange_stop(struct exchange *x)
{
	close_socket(x);
	stream_drop(&x->on_stream);
}

static void on_udp(struct ev_loop *loop, ev_io *w, int events)
{
	struct exchange *x = w->data;
	ssize_t got = recv(w->fd, datagram, sizeof datagram, MSG_DONTWAIT);

	(void)loop, (void)events;
	if (got < 0 && !sock_again(errno)) { /* ICMP says that nothing listens */
		close_socket(x);
		x->done(x, NULL, 0);
	} else if (got >= 0) {
		x->done(x, datagram, (size_t)got);
	}
}

static bool on_stream(struct stream_query *q, const uint8_t *message, size_t length)
{
	struct exchange *x = caa_container_of(q, struct exchange, on_stream);

	return x->done(x, message, length);
}

void exchange_init(struct exchange *x, struct ev_loop *loop, exchange_fn *done)
{
	x->loop = loop;
	x->done = done;
	ev_io_init(&x->io, on_udp, -1, 0);
	x->io.data = x;
}

static bool udp_start(struct exchange *x, const struct addr_port *to)
{
	struct sockaddr_storage ss;
	socklen_t bytes = sock_address(&ss, &to->addr, to->port);
	int fd = outgoing_socket(to->addr.family, SOCK_DGRAM);

	if (fd < 0)
		return false;
	if (connect(fd, (struct sockaddr *)&ss, bytes) != 0 ||
	    send(fd, x->out + 2, x->out_bytes - 2, MSG_NOSIGNAL) < 0) {
		int failure = errno;
		close(fd);
		errno = failure;
		return false;
	}
	ev_io_set(&x->io, fd, EV_READ);
	ev_io_start(x->loop, &x->io);
	return true;
}

bool exchange_start(struct exchange *x, struct upstream *to, bool tcp)
{
	if (!tcp && !to->to.tls)
		return udp_start(x, &to->to.at);
	if (to->stream == NULL)
		to->stream = stream_new(x->loop, &to->to);
	x->on_stream = (struct stream_query){.out = x->out, .out_bytes = x->out_bytes, .done = on_stream};
	return stream_ask(to->stream, &x->on_stream);
}

static uint8_t *opt_write(uint8_t *p, bool dnssec_ok, const struct cookie *cookie)
{
	const unsigned cookie_bytes = cookie != NULL ? cookie->length : 0;

	*p = 0;
	wire_put16(p + 1, TYPE_OPT);
	wire_put16(p + 3, WIRE_UDP_BYTES);
	wire_put32(p + 5, dnssec_ok ? 0x8000 : 0);
	wire_put16(p + 9, cookie_bytes > 0 ? 4 + cookie_bytes : 0);
	p += 11;
	if (cookie_bytes == 0)
		return p;
	wire_put16(p, OPTION_COOKIE);
	wire_put16(p + 2, cookie_bytes);
	memcpy(p + 4, cookie->bytes, cookie_bytes);
	return p + 4 + cookie_bytes;
}

void exchange_fill(struct exchange *x, const struct question *asked, bool edns, const struct cookie *cookie)
{
	uint8_t *p = x->out + 2;

	random_fill(&x->id, sizeof x->id);
	memset(p, 0, WIRE_HEADER_BYTES);
	wire_put16(p, x->id);
	wire_put16(p + 2, FLAG_RD | FLAG_AD | (asked->checking_disabled ? FLAG_CD : 0U));
	p[5] = 1;
	p[11] = edns;
	p += WIRE_HEADER_BYTES;
	memcpy(p, asked->bytes, asked->length);
	p += asked->length;
	if (edns)
		p = opt_write(p, asked->dnssec_ok, cookie);
	x->out_bytes = (size_t)(p - x->out);
	wire_put16(x->out, (unsigned)x->out_bytes - 2);
}
