/*
 * Small HTTP pages for health checks and metrics, as RFC 9112 demands of an origin server (docs/http-conformance.md).
 *
 * A server answers any method, as kube-proxy does, on any number of ports, which share its connections: their number,
 * memory and idle time are bounded. One address may have half of them, and no more than are left; the one of its
 * connections that was idle for longest makes room for its next, and the one idle for longest of all when the server is
 * full. Loopback and the node's own addresses, which may stand for many clients, have no limit of their own.
 *
 * The main thread opens and closes ports: it binds them, and tries again when one cannot be bound (base/listener.h), as
 * kube-proxy does without bindAddressHardFail. The thread of observe/requests.h accepts and serves. It calls a page's
 * handler; what the handler leaves to the main thread is asked there, HTTP_ASKED_MAX at a time, and no more of one
 * address than are left for all others; 503 above that.
 */
#ifndef OBSERVE_HTTP_H
#define OBSERVE_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr_port.h"
#include "observe/http_reply.h"

struct ev_loop;
struct requests;

#define HTTP_ASKED_MAX 16U /* requests of one server that wait for the main thread */
#define HTTP_UNSENT_BYTES_MAX \
	((size_t)16           \
	 << 20) /* of replies that clients of one server do not read; then the client ends that leaves most */

struct http_config {
	const char *what; /* subject of log lines; copied */
	const char *ns;	  /* of the Service that asks for it (base/listener.h); copied */
	struct addr_port at;
	bool dual;		       /* at.addr is a wildcard: every address of both families */
	bool of_service;	       /* a Service asks for it (base/descriptors.h) */
	bool private_hosts;	       /* other hosts than those of http_host_is_private: 421 */
	http_handler_fn *handler;      /* on the requests thread; answers all if there is no main_handler */
	http_handler_fn *main_handler; /* on the main thread, answers the rest; NULL: there is none */
	void *ctx;		       /* of both; outlives the port */
	void (*ctx_free)(void *ctx);   /* with the port, on the main thread; NULL: ctx is not the port's */
};

struct http;
struct http_port;

/* All of these: main thread. */
struct http *http_new(struct ev_loop *loop, struct requests *requests, unsigned connections_max);
void http_free(struct http *http); /* without ports, after requests_stop; NULL is fine */

struct http_port *http_listen(struct http *http, const struct http_config *config); /* never NULL: now or later */
bool http_bound(const struct http_port *port);
void http_retry(struct http *http); /* an address may be free now */
/*
 * Clients are refused from now on, and connections cut a moment later. Then the port is free for another that waits for
 * it. One with a main_handler only after requests_stop. NULL is fine.
 */
void http_port_close(struct http_port *port);

#endif
