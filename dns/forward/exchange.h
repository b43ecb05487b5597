/*
 * One question to one upstream and the way its reply comes back: a UDP socket of its own, connected, with a port that
 * the kernel draws anew each time (so that a forger must guess port and id), or its shared connection. Own client
 * instead of c-ares: 1.18 keeps one socket per server and hands out decoded answers. The forwarder's thread.
 */
#ifndef DNS_FORWARD_EXCHANGE_H
#define DNS_FORWARD_EXCHANGE_H

#include <ev.h>

#include "base/addr_port.h"
#include "dns/forward/message.h"
#include "dns/forward/stream.h"
#include "dns/forward/upstream.h"

#define EXCHANGE_QUERY_BYTES (WIRE_HEADER_BYTES + NAME_BYTES + 4 + 11 + 4 + COOKIE_BYTES_MAX)

struct exchange;

/*
 * A message came (true: it was the reply, the exchange is over), or NULL: the upstream cannot be reached. The
 * exchange is stopped before NULL is told.
 */
typedef bool exchange_fn(struct exchange *x, const uint8_t *message, size_t length);

struct exchange {
	struct ev_loop *loop;
	ev_io io; /* UDP; fd -1: none */
	struct stream_query on_stream;
	exchange_fn *done;
	uint16_t id;
	uint8_t out[2 + EXCHANGE_QUERY_BYTES];
	size_t out_bytes;
};

void exchange_init(struct exchange *x, struct ev_loop *loop, exchange_fn *done);
/* Sends x->out[2…out_bytes), which the caller has filled. False: no socket (errno), or unreachable. */
bool exchange_start(struct exchange *x, struct upstream *to, bool tcp);
void exchange_stop(struct exchange *x); /* fine when it does not run */

/* Header, question and OPT into x->out. The id is drawn. cookie: goes into the OPT; NULL: none. */
void exchange_fill(struct exchange *x, const struct question *asked, bool edns, const struct cookie *cookie);

#endif
