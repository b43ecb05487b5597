/*
 * Any response to a probe of gRPC's health protocol: lines of the header, an empty line, the body. However the body is
 * cut, the verdict is the same; a success has no reason, and a failure has one.
 */
#include <stdlib.h>
#include <string.h>

#include "watch/lab/grpc_health.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void body_feed(struct grpc_answer *a, const uint8_t *bytes, size_t length, size_t chunk_bytes)
{
	for (size_t at = 0; at < length; at += chunk_bytes) {
		const size_t n = length - at < chunk_bytes ? length - at : chunk_bytes;
		uint8_t *chunk = malloc(n);
		memcpy(chunk, bytes + at, n);
		grpc_answer_body(a, chunk, n);
		free(chunk);
	}
}

static bool serving(const uint8_t *data, size_t size, size_t chunk_bytes, char why[GRPC_WHY_BYTES])
{
	struct grpc_answer *a = calloc(1, sizeof *a);

	must(a != NULL);
	for (const uint8_t *end; (end = memchr(data, '\n', size)) != NULL;) {
		const size_t length = (size_t)(end - data) + 1;
		char *line = malloc(length);
		memcpy(line, data, length);
		grpc_answer_header(a, line, length);
		free(line);
		data += length;
		size -= length;
		if (length == 1)
			break;
	}
	body_feed(a, data, size, chunk_bytes);
	const bool is = grpc_answer_serving(a, why);
	must(memchr(why, '\0', GRPC_WHY_BYTES) != NULL && is == (why[0] == '\0'));
	free(a);
	return is;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char whole[GRPC_WHY_BYTES], cut[GRPC_WHY_BYTES];

	must(serving(data, size, SIZE_MAX, whole) == serving(data, size, 3, cut));
	must(strcmp(whole, cut) == 0);
	return 0;
}
