/* gRPC's health protocol: the request's bytes, and what responses say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "watch/lab/grpc_health.h"

/* Terminated texts with a 0 inside. */
#define BYTES(text) text, sizeof(text) - 1
#define SERVING "\0\0\0\0\2\x8\1"

static void requests(void **state)
{
	uint8_t bytes[GRPC_HEALTH_REQUEST_BYTES];
	char name[GRPC_SERVICE_MAX_BYTES + 2];

	(void)state;
	assert_int_equal(grpc_health_request(bytes, ""), 5);
	assert_memory_equal(bytes, "\0\0\0\0\0", 5);
	assert_int_equal(grpc_health_request(bytes, "a.b"), 10);
	assert_memory_equal(bytes, "\0\0\0\0\5\n\3a.b", 10);
	memset(name, 'x', sizeof name - 1);
	name[300] = '\0';
	assert_int_equal(grpc_health_request(bytes, name), 5 + 3 + 300);
	assert_memory_equal(bytes, "\0\0\0\1\x2f\n\xac\2x", 9); /* 303; 300 as a varint */
	name[300] = 'x';
	name[sizeof name - 1] = '\0'; /* one byte more than there may be */
	assert_int_equal(grpc_health_request(bytes, name), 5 + 3 + GRPC_SERVICE_MAX_BYTES);
}

static void responses(void **state)
{
	static const struct {
		const char *header, *body;
		size_t body_bytes;
		const char *why;
	} cases[] = {
		{"grpc-status: 0\r\n", BYTES(SERVING), ""},
		{"Grpc-Status:0", BYTES(SERVING), ""},
		{"grpc-status: 0\r\n", BYTES("\0\0\0\0\7\x12\3abc\x8\1"), ""}, /* a field of a later version */
		{"grpc-status: 0\r\n", BYTES("\0\0\0\0\4\x8\2\x8\1"), ""},     /* the last one counts */
		{"grpc-status: 0\r\n", BYTES("\0\0\0\0\0"), "UNKNOWN"},
		{"grpc-status: 0\r\n", BYTES("\0\0\0\0\2\x8\2"), "NOT_SERVING"},
		{"grpc-status: 0\r\n", BYTES("\0\0\0\0\2\x8\3"), "SERVICE_UNKNOWN"},
		{"grpc-status: 0\r\n", BYTES("\0\0\0\0\3\x8\x96\1"), "health status 150"},
		{"grpc-status: 5\r\n", BYTES(""), "gRPC status 5 (NOT_FOUND)"},
		{"grpc-status: 14\r\n", BYTES(SERVING), "gRPC status 14 (UNAVAILABLE)"},
		{"grpc-status: 17\r\n", BYTES(SERVING), "gRPC status 17 (no such status)"},
		{"grpc-status: \r\n", BYTES(SERVING), "no gRPC status"},
		{"grpc-status: 0x\r\n", BYTES(SERVING), "no gRPC status"},
		{"grpc-status: 4294967296\r\n", BYTES(SERVING), "no gRPC status"},
		{"grpc-statuses: 0\r\n", BYTES(SERVING), "no gRPC status"},
		{"grpc-status: 0\r\n", BYTES(""), "not a response of the health protocol"},
		{"grpc-status: 0\r\n", BYTES("\1\0\0\0\2\x8\1"), "not a response of the health protocol"},
		{"grpc-status: 0\r\n", BYTES("\0\0\0\0\3\x8\1"), "not a response of the health protocol"},
		{"grpc-status: 0\r\n", BYTES("\0\0\0\0\2\x8\x81"), "not a response of the health protocol"},
		{"grpc-status: 0\r\n", BYTES("\0\0\0\0\2\x12\x7f"), "not a response of the health protocol"},
		{"grpc-status: 0\r\n", BYTES("\0\0\0\0\2\xb\xc"), "not a response of the health protocol"},
		{"grpc-status: 0\r\n", BYTES("\0\0\0\0\2\0\1"), "not a response of the health protocol"},
		{"grpc-status: 0\r\n", BYTES(SERVING SERVING), "not a response of the health protocol"},
	};
	char why[GRPC_WHY_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct grpc_answer a = {0};
		grpc_answer_header(&a, "content-type: application/grpc\r\n", 32);
		grpc_answer_header(&a, cases[i].header, strlen(cases[i].header));
		for (size_t at = 0; at < cases[i].body_bytes; at++)
			grpc_answer_body(&a, cases[i].body + at, 1);
		assert_int_equal(grpc_answer_serving(&a, why), cases[i].why[0] == '\0');
		assert_string_equal(why, cases[i].why);
	}
}

/* What does not fit is dropped, also after it was dropped before. */
static void long_responses(void **state)
{
	struct grpc_answer a = {.has_status = true};
	char why[GRPC_WHY_BYTES], *piece = calloc(1, GRPC_HEALTH_RESPONSE_MAX_BYTES);

	(void)state;
	assert_non_null(piece);
	for (int i = 0; i < 3; i++)
		grpc_answer_body(&a, piece, GRPC_HEALTH_RESPONSE_MAX_BYTES - 1);
	assert_int_equal(a.length_bytes, GRPC_HEALTH_RESPONSE_MAX_BYTES + 1);
	assert_false(grpc_answer_serving(&a, why));
	assert_string_equal(why, "not a response of the health protocol");
	free(piece);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests),
		cmocka_unit_test(responses),
		cmocka_unit_test(long_responses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
