/*
 * gRPC's health protocol (grpc.health.v1.Health/Check of the gRPC health checking protocol): its request, and what a
 * response says. Pure. Any thread.
 */
#ifndef WATCH_LAB_GRPC_HEALTH_H
#define WATCH_LAB_GRPC_HEALTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GRPC_HEALTH_PATH "/grpc.health.v1.Health/Check"
#define GRPC_SERVICE_MAX_BYTES 2048 /* of the service's name */
#define GRPC_HEALTH_REQUEST_BYTES (GRPC_SERVICE_MAX_BYTES + 16)
#define GRPC_HEALTH_RESPONSE_MAX_BYTES 1024 /* a response has 7; more is none */

/* The request's body, framed, of a service ("": the server as a whole); its length. */
size_t grpc_health_request(uint8_t to[GRPC_HEALTH_REQUEST_BYTES], const char *service);

/* A response as it arrives. All zero at its beginning. */
struct grpc_answer {
	bool has_status;     /* header or trailer grpc-status */
	uint32_t status;     /* its value; UINT32_MAX: no number */
	size_t length_bytes; /* of the body; more than there is room for: the rest was dropped */
	uint8_t body[GRPC_HEALTH_RESPONSE_MAX_BYTES];
};

/* A line of the header or trailer, not terminated, and a piece of the body. */
void grpc_answer_header(struct grpc_answer *a, const char *line, size_t length_bytes);
void grpc_answer_body(struct grpc_answer *a, const void *bytes, size_t length_bytes);

/* The response is complete. True: SERVING, why is "". Otherwise "gRPC status 14 (UNAVAILABLE)", "NOT_SERVING", … */
#define GRPC_WHY_BYTES 48
bool grpc_answer_serving(const struct grpc_answer *a, char why[GRPC_WHY_BYTES]);

#endif
