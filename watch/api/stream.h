/*
 * Cuts a JSON byte stream into values as it arrives, so that at most one object is held however long the list.
 *
 * Two shapes: a watch (objects one after another) and a list (one object; the elements of its "items" are delivered
 * one by one, everything else is kept as the frame). The structure is checked strictly while cutting: a stream that
 * was truncated and then went on, an error page, a stray byte is an error at the first byte that cannot be, not one
 * endless value. What is inside strings and numbers is the decoder's business. The caller owns the struct.
 */
#ifndef WATCH_API_STREAM_H
#define WATCH_API_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "watch/api/span.h"

/* etcd refuses requests above 1.5 MiB; the same object as JSON is a few times larger at most. */
#define STREAM_VALUE_LIMIT_BYTES ((size_t)8 << 20)
#define STREAM_VALUES_MAX 200000 /* in one object; each costs 0.2 us and 100 bytes. 1.5 MiB of use hold fewer */
#define STREAM_VALUE_END_BYTES ((size_t)64 << 20) /* no object: the stream is malformed */
#define STREAM_FRONT_BYTES ((size_t)64 << 10)	  /* what is kept of a larger value, to name it */
#define STREAM_FRAME_LIMIT_BYTES ((size_t)64 << 10)

enum stream_shape { STREAM_WATCH, STREAM_LIST };

struct stream_handler {
	void *ctx;
	/*
	 * One complete object; it is borrowed for the call. cut: it is too large, and only its front is given, or it
	 * has too many values in it. False stops the stream: stream_feed returns false, and nothing more is delivered.
	 */
	bool (*value)(void *ctx, struct span value, bool cut);
};

struct stream {
	enum stream_shape shape;
	struct stream_handler handler;
	size_t limit_bytes, limit_values;
	struct buf held;   /* start of a value whose end has not arrived */
	struct buf frame;  /* list: the document without its items */
	size_t item_bytes; /* of the value so far */
	size_t item_values;
	uint64_t arrays; /* bit n: the container at depth n is an array */
	unsigned depth;
	uint8_t expect; /* what may come next, see stream.c */
	bool in_string, in_escape, in_scalar, in_item, is_key;
	bool items_next; /* list: the last key at depth 1 was "items" */
	bool in_items;
	bool stopped;
	const char *error; /* NULL, or why the stream cannot be JSON */
	uint8_t key_bytes;
	char key[8];
};

void stream_init(struct stream *s, enum stream_shape shape, const struct stream_handler *handler);
void stream_fini(struct stream *s); /* leaves a zeroed struct */
/* False: malformed (s->error says why) or stopped by the handler; feed no more. */
bool stream_feed(struct stream *s, const char *bytes, size_t length_bytes);
/* Whether everything that began has ended: a list's document, a watch's last event. */
bool stream_complete(const struct stream *s);
/* List: the document without its items, valid JSON once complete. */
struct span stream_frame(const struct stream *s);

#endif
