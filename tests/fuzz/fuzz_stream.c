/*
 * The splitter: however the bytes are chunked, the same values, frame and verdict come out; members are looked up in
 * every value. First byte: shape, chunk size.
 */
#include <stdlib.h>
#include <string.h>

#include "watch/api/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
	uint64_t hash;
	size_t count;
};

static void mix(uint64_t *hash, const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		*hash = (*hash ^ (uint8_t)bytes[i]) * 0x100000001b3ULL;
}

static bool note(void *ctx, struct span value, bool cut)
{
	struct outcome *o = ctx;
	struct span object, metadata;
	char name[64];

	mix(&o->hash, value.bytes, value.length_bytes);
	o->hash += cut;
	o->count++;
	if (span_member(value, "object", &object) && span_member(object, "metadata", &metadata))
		o->hash += span_member_text(metadata, "name", name, sizeof name) ? strlen(name) : 0;
	return true;
}

static struct outcome run(const uint8_t *data, size_t size, enum stream_shape shape, size_t chunk_bytes)
{
	struct outcome o = {.hash = 0xcbf29ce484222325ULL};
	struct stream s;
	bool fine = true;

	stream_init(&s, shape, &(struct stream_handler){&o, note});
	s.limit_bytes = 512;
	for (size_t at = 0; at < size && fine; at += chunk_bytes) {
		size_t n = size - at < chunk_bytes ? size - at : chunk_bytes;
		char *chunk = malloc(n);
		memcpy(chunk, data + at, n);
		fine = stream_feed(&s, chunk, n);
		free(chunk);
	}
	if (stream_complete(&s))
		mix(&o.hash, stream_frame(&s).bytes, stream_frame(&s).length_bytes);
	o.hash += fine;
	stream_fini(&s);
	return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	enum stream_shape shape = (data[0] & 1) != 0 ? STREAM_LIST : STREAM_WATCH;
	struct outcome whole = run(data + 1, size - 1, shape, size);
	struct outcome parts = run(data + 1, size - 1, shape, (size_t)(data[0] >> 1) + 1);

	if (whole.hash != parts.hash || whole.count != parts.count)
		abort();
	return 0;
}
