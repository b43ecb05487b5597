/*
 * One connection of a client: reads a request, answers it, and goes on with the next one if both sides want that. What
 * a client may take is bounded: 16 KiB for the head of a request, 64 KiB of content, which is not kept, 10 s from one
 * answer to the end of the next request, 60 s to take an answer. Requests sent ahead wait. The requests thread.
 */
#ifndef OBSERVE_HTTP_CLIENT_H
#define OBSERVE_HTTP_CLIENT_H

#include <ev.h>
#include <sys/queue.h>

#include "base/addr.h"
#include "base/buf.h"
#include "base/mailbox.h"
#include "observe/http_body.h"
#include "observe/http_reply.h"
#include "observe/http_request.h"

struct http_port;

enum http_client_state {
	HTTP_CLIENT_HEAD,
	HTTP_CLIENT_BODY,
	HTTP_CLIENT_ASKED, /* waits for the main thread, which reads its request and writes its reply; it cannot end */
	HTTP_CLIENT_ANSWER,
	HTTP_CLIENT_LINGER, /* all is sent: waits for the client to close, so that no reset destroys the answer */
	HTTP_CLIENT_OVER
};

struct http_client {
	/* its server's */
	TAILQ_ENTRY(http_client) link;
	struct http_port *port;
	struct addr addr;
	struct mail question;
	bool asks; /* waits for the main thread */
	/* its own */
	struct ev_loop *loop;
	http_handler_fn *handler;
	void *ctx;
	bool private_hosts;
	bool (*ask)(struct http_client *c);
	void (*answered)(struct http_client *c);
	void (*ended)(struct http_client *c);
	enum http_client_state state;
	ev_io io;
	ev_timer due;  /* ends the connection */
	ev_timer next; /* a request that was sent ahead is read in the next turn */
	struct buf in, out;
	struct http_head head;
	struct http_request request;
	struct http_reply reply;
	struct http_body_reader body;
	size_t lingered_bytes;
};

/*
 * Takes over the socket, which is non-blocking. The caller has set what is its own, handler and ctx. `ask` is called
 * for a request that the handler does not answer, and http_client_reply once its reply is complete; false: too many
 * ask. `answered` is called after each answer, `ended` once, when the connection is over: it calls http_client_fini
 * and frees.
 */
void http_client_start(struct http_client *c, struct ev_loop *loop, int fd);
void http_client_reply(struct http_client *c);
void http_client_fini(struct http_client *c); /* closes the socket */

#endif
