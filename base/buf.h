/*
 * A growing byte buffer with text helpers. The owner calls buf_fini. The bytes are always followed by a NUL that
 * is not counted, so buf.data is a C string once something was added. Not thread-safe.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

struct buf {
	char *data;
	size_t length_bytes, room_bytes;
};

void buf_fini(struct buf *b); /* leaves a zeroed struct */
void buf_clear(struct buf *b);
void buf_add(struct buf *b, const void *bytes, size_t length_bytes);
void buf_puts(struct buf *b, const char *s);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Text from outside with its unprintable characters escaped (text_escape). keep_lines: newlines stay. */
void buf_add_escaped(struct buf *b, const char *text, size_t length, bool keep_lines);
/* Drops the first `length_bytes` bytes. */
void buf_consume(struct buf *b, size_t length_bytes);
bool buf_equal(const struct buf *a, const struct buf *b);

#endif
