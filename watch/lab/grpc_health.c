/* Writes and reads the two messages of gRPC's health protocol. */
#include "watch/lab/grpc_health.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define FRAME_BYTES 5 /* compressed or not, length: gRPC over HTTP/2, Length-Prefixed-Message */

/* Wire types of Protocol Buffers. */
enum wire { WIRE_VARINT = 0, WIRE_64_BITS = 1, WIRE_BYTES = 2, WIRE_32_BITS = 5 };

#define SERVICE_KEY (1u << 3 | WIRE_BYTES) /* HealthCheckRequest.service */
#define STATUS_FIELD 1u			   /* HealthCheckResponse.status */
#define SERVING 1u

/* ---- the request ---- */

static size_t varint_write(uint8_t *to, size_t value)
{
	size_t at = 0;

	for (; value >= 0x80; value >>= 7)
		to[at++] = (uint8_t)(value | 0x80);
	to[at++] = (uint8_t)value;
	return at;
}

size_t grpc_health_request(uint8_t to[GRPC_HEALTH_REQUEST_BYTES], const char *service)
{
	const size_t length = strnlen(service, GRPC_SERVICE_MAX_BYTES);
	size_t at = FRAME_BYTES;

	if (length != 0) {
		to[at++] = SERVICE_KEY;
		at += varint_write(to + at, length);
		memcpy(to + at, service, length);
		at += length;
	}
	to[0] = to[1] = to[2] = 0;
	to[3] = (uint8_t)((at - FRAME_BYTES) >> 8);
	to[4] = (uint8_t)(at - FRAME_BYTES);
	return at;
}

/* ---- the response, as it arrives ---- */

void grpc_answer_header(struct grpc_answer *a, const char *line, size_t length_bytes)
{
	static const char name[] = "grpc-status:";
	size_t at = sizeof name - 1, digits = 0;
	uint32_t status = 0;

	if (length_bytes < at || strncasecmp(line, name, at) != 0)
		return;
	while (at < length_bytes && (line[at] == ' ' || line[at] == '\t'))
		at++;
	for (; at < length_bytes && line[at] >= '0' && line[at] <= '9' && digits < 9; at++, digits++)
		status = status * 10 + (uint32_t)(line[at] - '0');
	while (at < length_bytes && strchr(" \t\r\n", line[at]) != NULL)
		at++;
	a->has_status = true;
	a->status = digits != 0 && at == length_bytes ? status : UINT32_MAX;
}

void grpc_answer_body(struct grpc_answer *a, const void *bytes, size_t length_bytes)
{
	const size_t have = a->length_bytes < sizeof a->body ? a->length_bytes : sizeof a->body;
	const size_t room = sizeof a->body - have;

	if (length_bytes != 0)
		memcpy(a->body + have, bytes, length_bytes < room ? length_bytes : room);
	a->length_bytes = length_bytes > room ? sizeof a->body + 1 : have + length_bytes;
}

/* ---- what it says ---- */

struct reader {
	const uint8_t *at, *end;
	bool failed;
};

static uint64_t varint_read(struct reader *r)
{
	uint64_t value = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		if (r->at == r->end)
			break;
		const uint8_t byte = *r->at++;
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return value;
	}
	r->failed = true;
	return 0;
}

static void skip(struct reader *r, uint64_t bytes)
{
	if (bytes > (uint64_t)(r->end - r->at))
		r->failed = true;
	else
		r->at += bytes;
}

/* A field that is not known is skipped: later versions may have one. */
static void field_skip(struct reader *r, uint64_t wire)
{
	if (wire == WIRE_VARINT)
		varint_read(r);
	else if (wire == WIRE_64_BITS)
		skip(r, 8);
	else if (wire == WIRE_BYTES)
		skip(r, varint_read(r));
	else if (wire == WIRE_32_BITS)
		skip(r, 4);
	else
		r->failed = true;
}

/* HealthCheckResponse; an enum is 0 when absent. False: it is none. */
static bool message_read(const uint8_t *bytes, size_t length_bytes, uint64_t *serving)
{
	struct reader r = {.at = bytes, .end = bytes + length_bytes};

	*serving = 0;
	while (!r.failed && r.at != r.end) {
		const uint64_t key = varint_read(&r);
		if (key == (STATUS_FIELD << 3 | WIRE_VARINT))
			*serving = varint_read(&r);
		else if (key >> 3 == 0)
			r.failed = true;
		else
			field_skip(&r, key & 7);
	}
	return !r.failed;
}

/* One message, not compressed: this client has not offered to read others. */
static bool body_read(const struct grpc_answer *a, uint64_t *serving)
{
	const uint8_t *b = a->body;

	if (a->length_bytes < FRAME_BYTES || a->length_bytes > sizeof a->body || b[0] != 0)
		return false;
	const size_t length = (size_t)b[1] << 24 | (size_t)b[2] << 16 | (size_t)b[3] << 8 | b[4];
	return length == a->length_bytes - FRAME_BYTES && message_read(b + FRAME_BYTES, length, serving);
}

/* google.rpc.Code */
static const char *status_name(uint32_t status)
{
	static const char *const names[] = {
		"OK",	     "CANCELLED",      "UNKNOWN",	    "INVALID_ARGUMENT",	  "DEADLINE_EXCEEDED",
		"NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
		"ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",	    "INTERNAL",		  "UNAVAILABLE",
		"DATA_LOSS", "UNAUTHENTICATED"};

	return status < sizeof names / sizeof *names ? names[status] : "no such status";
}

bool grpc_answer_serving(const struct grpc_answer *a, char why[GRPC_WHY_BYTES])
{
	static const char *const names[] = {"UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"};
	uint64_t serving;

	why[0] = '\0';
	if (!a->has_status || a->status == UINT32_MAX)
		snprintf(why, GRPC_WHY_BYTES, "no gRPC status");
	else if (a->status != 0)
		snprintf(why, GRPC_WHY_BYTES, "gRPC status %u (%s)", a->status, status_name(a->status));
	else if (!body_read(a, &serving))
		snprintf(why, GRPC_WHY_BYTES, "not a response of the health protocol");
	else if (serving >= sizeof names / sizeof *names)
		snprintf(why, GRPC_WHY_BYTES, "health status %llu", (unsigned long long)serving);
	else if (serving != SERVING)
		snprintf(why, GRPC_WHY_BYTES, "%s", names[serving]);
	return why[0] == '\0';
}
