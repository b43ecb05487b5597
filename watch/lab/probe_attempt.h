/*
 * One attempt of a probe: an HTTP request (probe_http.c), a gRPC call (probe_grpc.c) or a TCP connection (probe_tcp.c).
 * The prober's thread, on its loop.
 */
#ifndef WATCH_LAB_PROBE_ATTEMPT_H
#define WATCH_LAB_PROBE_ATTEMPT_H

#include <ev.h>

#include "watch/object.h"

#define PROBE_WHY_BYTES 128
#define PROBE_BODY_MAX_BYTES 10240 /* read of a response, as a kubelet does; more is not waited for */
#define PROBE_REDIRECTS_MAX 10

/* why: "" of a success, "HTTP 503", "connection refused"; borrowed for the call. */
typedef void probe_end_fn(void *ctx, bool success, const char *why);

/* It could not be made, which says nothing of the endpoint. */
typedef void probe_none_fn(void *ctx, const char *why);

/* Where to, when the spec does not say it. The spec is borrowed until the end. */
struct probe_request {
	const struct probe_object *spec;
	struct addr addr;
	uint16_t port;
	probe_end_fn *end;
	probe_none_fn *none; /* instead of `end`: this machine could not ask */
	void *ctx;
};

/* What HTTP and gRPC share. Made and freed while the loop does not run; fatal when libcurl cannot be used. */
struct probe_curl *probe_curl_new(struct ev_loop *loop);
void probe_curl_free(struct probe_curl *c); /* after all attempts */

struct probe_attempt;

/* `end` is called later, once, unless it is cancelled. */
struct probe_attempt *probe_http_start(struct probe_curl *c, const struct probe_request *r);
struct probe_attempt *probe_grpc_start(struct probe_curl *c, const struct probe_request *r);
struct probe_attempt *probe_tcp_start(struct ev_loop *loop, const struct probe_request *r);
void probe_attempt_cancel(struct probe_attempt *a);

/*
 * A socket as of base/outgoing.h
 *   - that is reset when it is closed. A connection that is closed in order stays for a minute in TIME-WAIT and for two
 *     in connection tracking, whose table is limited: 1000 probes a second would fill it
 * (kubernetes/kubernetes#115143).
 *   - whose acknowledgements wait for data to go with. Where none is sent, the server's kernel has answered, but its
 *     program is not woken up for a connection that ends at once.
 */
int probe_socket(int family);

/* "connection refused"; of an errno, 0: "". */
const char *probe_why(int error, char text[PROBE_WHY_BYTES]);

/* First member of each. */
struct probe_attempt {
	void (*cancel)(struct probe_attempt *a);
};

#endif
