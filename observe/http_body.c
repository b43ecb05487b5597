/* Finds the end of a request's content. */
#include "observe/http_body.h"

#define DIGITS_MAX 8 /* leading zeros included */

struct http_body_reader http_body_start(const struct http_request *r)
{
	struct http_body_reader b = {0};

	if (r->body == HTTP_BODY_COUNTED && r->body_bytes > HTTP_BODY_BYTES_MAX)
		b.status = 413;
	else if (r->body == HTTP_BODY_COUNTED)
		b = (struct http_body_reader){.state = HTTP_BODY_BYTES, .left_bytes = (size_t)r->body_bytes};
	else if (r->body == HTTP_BODY_CHUNKED)
		b.state = HTTP_CHUNK_SIZE;
	return b;
}

static enum http_body_state wrong(struct http_body_reader *b)
{
	b->status = 400;
	return b->state;
}

/* What follows a chunk's size; blanks only in front of an extension. */
static enum http_body_state behind_size(struct http_body_reader *b, char c)
{
	if (c == ';')
		return HTTP_CHUNK_EXTENSION;
	if (c == ' ' || c == '\t')
		return HTTP_CHUNK_BLANK;
	return c == '\r' && b->state == HTTP_CHUNK_SIZE ? HTTP_CHUNK_SIZE_END : wrong(b);
}

static enum http_body_state in_size(struct http_body_reader *b, char c)
{
	const int digit = http_hex(c);

	if (digit < 0)
		return b->digits != 0 ? behind_size(b, c) : wrong(b);
	if (++b->digits > DIGITS_MAX) {
		b->status = 413;
		return b->state;
	}
	b->left_bytes = b->left_bytes * 16 + (size_t)digit;
	return HTTP_CHUNK_SIZE;
}

static enum http_body_state size_end(struct http_body_reader *b)
{
	b->digits = 0;
	return b->left_bytes != 0 ? HTTP_CHUNK_BYTES : HTTP_TRAILER;
}

/* Lines end with CRLF here: a lone CR or LF is where two readers part (RFC 9112 2.2 lets it pass in heads only). */
static enum http_body_state line_byte(struct http_body_reader *b, char c, enum http_body_state same,
				      enum http_body_state end)
{
	if (c == '\r')
		return end;
	return c == '\n' || c == '\0' ? wrong(b) : same;
}

static enum http_body_state expected(struct http_body_reader *b, char c, char want, enum http_body_state next)
{
	return c == want ? next : wrong(b);
}

static enum http_body_state step(struct http_body_reader *b, char c)
{
	switch (b->state) {
	case HTTP_BODY_BYTES:
		return --b->left_bytes != 0 ? HTTP_BODY_BYTES : HTTP_BODY_END;
	case HTTP_CHUNK_SIZE:
		return in_size(b, c);
	case HTTP_CHUNK_BLANK:
		return behind_size(b, c);
	case HTTP_CHUNK_EXTENSION:
		return line_byte(b, c, HTTP_CHUNK_EXTENSION, HTTP_CHUNK_SIZE_END);
	case HTTP_CHUNK_SIZE_END:
		return expected(b, c, '\n', size_end(b));
	case HTTP_CHUNK_BYTES:
		return --b->left_bytes != 0 ? HTTP_CHUNK_BYTES : HTTP_CHUNK_END;
	case HTTP_CHUNK_END:
		return expected(b, c, '\r', HTTP_CHUNK_END_LF);
	case HTTP_CHUNK_END_LF:
		return expected(b, c, '\n', HTTP_CHUNK_SIZE);
	case HTTP_TRAILER:
		return line_byte(b, c, HTTP_TRAILER_LINE, HTTP_TRAILER_END_LF);
	case HTTP_TRAILER_LINE:
		return line_byte(b, c, HTTP_TRAILER_LINE, HTTP_TRAILER_LINE_LF);
	case HTTP_TRAILER_LINE_LF:
		return expected(b, c, '\n', HTTP_TRAILER);
	case HTTP_TRAILER_END_LF:
		return expected(b, c, '\n', HTTP_BODY_END);
	case HTTP_BODY_END:
		break;
	}
	return HTTP_BODY_END;
}

size_t http_body_read(struct http_body_reader *b, const char *bytes, size_t length)
{
	size_t at = 0;

	while (at < length && b->state != HTTP_BODY_END && b->status == 0) {
		b->state = step(b, bytes[at++]);
		if (++b->seen > HTTP_BODY_BYTES_MAX && b->status == 0 && b->state != HTTP_BODY_END)
			b->status = 413;
	}
	return at;
}
