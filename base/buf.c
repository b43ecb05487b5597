/* Grows a byte buffer and appends text to it. */
#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"

void buf_fini(struct buf *b)
{
	free(b->data);
	*b = (struct buf){0};
}

void buf_clear(struct buf *b)
{
	b->length_bytes = 0;
	if (b->data != NULL)
		b->data[0] = '\0';
}

static void reserve(struct buf *b, size_t more_bytes)
{
	size_t need = b->length_bytes + more_bytes + 1;

	if (need <= b->room_bytes)
		return;
	size_t room = b->room_bytes != 0 ? b->room_bytes : 256;
	while (room < need)
		room *= 2;
	b->data = mem_resize(b->data, room);
	b->room_bytes = room;
}

void buf_add(struct buf *b, const void *bytes, size_t length_bytes)
{
	reserve(b, length_bytes);
	if (length_bytes != 0)
		memcpy(b->data + b->length_bytes, bytes, length_bytes);
	b->length_bytes += length_bytes;
	b->data[b->length_bytes] = '\0';
}

void buf_puts(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		fatalx("bad format: %s", fmt);
	reserve(b, (size_t)n);
	va_start(ap, fmt);
	vsnprintf(b->data + b->length_bytes, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->length_bytes += (size_t)n;
}

/* How many bytes from here on need no escape. */
static size_t plain_run(const char *text, size_t length, bool keep_lines)
{
	size_t at = 0, bytes;

	for (; at < length; at += bytes) {
		uint32_t code = text_character(text + at, length - at, &bytes);
		if (!text_is_printable(code) && !(keep_lines && code == '\n'))
			break;
	}
	return at;
}

void buf_add_escaped(struct buf *b, const char *text, size_t length, bool keep_lines)
{
	char one[TEXT_ESCAPED_BYTES_MAX + 1];
	size_t bytes;

	while (length > 0) {
		bytes = plain_run(text, length, keep_lines);
		buf_add(b, text, bytes);
		text += bytes;
		length -= bytes;
		if (length == 0)
			break;
		text_character(text, length, &bytes);
		buf_add(b, one, text_escape(one, sizeof one, text, bytes));
		text += bytes;
		length -= bytes;
	}
}

void buf_consume(struct buf *b, size_t length_bytes)
{
	assert(length_bytes <= b->length_bytes);
	if (length_bytes == 0)
		return;
	memmove(b->data, b->data + length_bytes, b->length_bytes - length_bytes + 1);
	b->length_bytes -= length_bytes;
}

bool buf_equal(const struct buf *a, const struct buf *b)
{
	return a->length_bytes == b->length_bytes &&
	       (a->length_bytes == 0 || memcmp(a->data, b->data, a->length_bytes) == 0);
}
