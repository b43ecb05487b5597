/*
 * DNS cookies towards one upstream (RFC 7873, the client's part): a random number of ours, which a reply must repeat,
 * and what the server gave for it. A server that has shown that it has cookies is not believed without them, but over
 * TCP. Decisions only; the forwarder's thread.
 */
#ifndef DNS_FORWARD_COOKIE_H
#define DNS_FORWARD_COOKIE_H

#include "dns/forward/message.h"

struct cookie {
	uint8_t bytes[COOKIE_BYTES_MAX]; /* ours, then the server's */
	uint8_t length;			 /* 0: the server does not take the option */
};

enum cookie_verdict {
	COOKIE_FINE,
	COOKIE_OF_ANOTHER, /* another one's reply: ignored */
	COOKIE_LACKS,	   /* the server has cookies, this reply has none: TCP tells */
	COOKIE_RENEWED,	   /* the server wants another one, which came with the reply: ask again */
	COOKIE_REFUSED	   /* the server does not take the option: ask again */
};

void cookie_init(struct cookie *c);
/* A reply to a query that carried c. Remembers what the server gave. is_stream: no forger can be there. */
enum cookie_verdict cookie_check(struct cookie *c, const struct message *m, bool is_stream);
/* The server has no cookies any more. */
void cookie_forget(struct cookie *c);

#endif
