/* Finds the documents in YAML text. */
#include "watch/manifest/yaml_text.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"

static bool is_marker(const char *line, size_t bytes, const char *mark)
{
	return bytes >= 3 && memcmp(line, mark, 3) == 0 &&
	       (bytes == 3 || line[3] == ' ' || line[3] == '\t' || line[3] == '\r' || line[3] == '\n');
}

/* Before "---": blank lines, comments and directives belong to the document that follows. */
static bool is_prelude(const char *line, size_t bytes)
{
	size_t i = 0;

	if (bytes > 0 && line[0] == '%')
		return true;
	while (i < bytes && (line[i] == ' ' || line[i] == '\t' || line[i] == '\r' || line[i] == '\n'))
		i++;
	return i == bytes || line[i] == '#';
}

static size_t line_bytes(const char *text, size_t length_bytes)
{
	const char *end = memchr(text, '\n', length_bytes);

	return end != NULL ? (size_t)(end - text) + 1 : length_bytes;
}

bool yaml_next_document(const char *text, size_t length_bytes, size_t *at, uint32_t *line, struct yaml_chunk *chunk)
{
	bool prelude = true;
	size_t i = *at;

	*chunk = (struct yaml_chunk){.text = text + i, .line = *line};
	while (i < length_bytes) {
		size_t n = line_bytes(text + i, length_bytes - i);
		bool start = is_marker(text + i, n, "---");
		if (start && !prelude)
			break;
		bool end = is_marker(text + i, n, "...");
		prelude = prelude && !start && is_prelude(text + i, n);
		i += n;
		*line += text[i - 1] == '\n';
		if (end)
			break;
	}
	chunk->length_bytes = i - *at;
	*at = i;
	return chunk->length_bytes != 0;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool text_is_blank(const char *text, size_t length_bytes)
{
	size_t i = 0;

	while (i < length_bytes && is_blank(text[i]))
		i++;
	return i == length_bytes;
}

bool yaml_is_marker(const char *line, size_t bytes, const char *mark)
{
	return is_marker(line, bytes, mark);
}

bool yaml_says_nothing(const char *text, size_t length_bytes)
{
	for (size_t i = 0, n; i < length_bytes; i += n) {
		n = line_bytes(text + i, length_bytes - i);
		const size_t mark = is_marker(text + i, n, "---") || is_marker(text + i, n, "...") ? 3 : 0;
		if (text[i] == '%' || !is_prelude(text + i + mark, n - mark))
			return false;
	}
	return true;
}

size_t yaml_directives(const char *text, size_t length_bytes)
{
	size_t count = 0;

	for (size_t i = 0, n; i < length_bytes; i += n) {
		n = line_bytes(text + i, length_bytes - i);
		if (!is_prelude(text + i, n))
			break;
		count += text[i] == '%';
	}
	return count;
}

bool yaml_has_odd_breaks(const char *text, size_t length_bytes)
{
	const char *end = text + length_bytes;

	for (const char *at = text; (at = memchr(at, '\r', (size_t)(end - at))) != NULL; at++)
		if (at + 1 == end || at[1] != '\n')
			return true;
	return memmem(text, length_bytes, "\xc2\x85", 2) != NULL ||
	       memmem(text, length_bytes, "\xe2\x80\xa8", 3) != NULL ||
	       memmem(text, length_bytes, "\xe2\x80\xa9", 3) != NULL;
}

/* ---- encodings ---- */

static size_t utf8_put(char *out, uint32_t c)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	const size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	for (size_t i = n - 1; i > 0; i--, c >>= 6)
		out[i] = (char)(0x80 | (c & 0x3f));
	out[0] = (char)((0xf00 >> n & 0xff) | c);
	return n;
}

/* Halves of pairs that stand alone become U+FFFD, as in Go's decoder. */
static char *utf16_convert(const char *text, size_t *length_bytes, bool big_endian)
{
	const unsigned char *s = (const unsigned char *)text;
	const size_t units = *length_bytes / 2;
	char *out = mem_resize(NULL, units * 3 + 1);
	size_t n = 0;

	for (size_t i = 1; i < units; i++) { /* 0 is the mark */
		uint32_t c = (uint32_t)s[2 * i + !big_endian] << 8 | s[2 * i + big_endian];
		if (c >= 0xd800 && c < 0xdc00 && i + 1 < units) {
			uint32_t low = (uint32_t)s[2 * i + 2 + !big_endian] << 8 | s[2 * i + 2 + big_endian];
			bool pair = low >= 0xdc00 && low < 0xe000;
			c = pair ? 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00) : 0xfffd;
			i += pair;
		} else if (c >= 0xd800 && c < 0xe000) {
			c = 0xfffd;
		}
		n += utf8_put(out + n, c);
	}
	*length_bytes = n;
	return out;
}

/* Each byte that is not UTF-8 becomes U+FFFD, as in the decoder that kubectl reads files through. */
static char *invalid_replace(char *text, size_t *length_bytes)
{
	struct buf out = {0};
	size_t at = 0, from = 0, bytes;

	while (at < *length_bytes) {
		if ((unsigned char)text[at] < 0x80) {
			at++;
			continue;
		}
		if (text_character(text + at, *length_bytes - at, &bytes) == TEXT_INVALID) {
			buf_add(&out, text + from, at - from);
			buf_add(&out, "\xef\xbf\xbd", 3);
			from = at + bytes;
		}
		at += bytes;
	}
	if (from == 0)
		return text;
	buf_add(&out, text + from, at - from);
	free(text);
	*length_bytes = out.length_bytes;
	return out.data; /* from malloc, ours now */
}

static void marks_remove(char *text, size_t *length_bytes)
{
	static const char mark[] = "\xef\xbb\xbf";
	const char *at = text, *end = text + *length_bytes, *found;
	char *to = text;

	if (memmem(text, *length_bytes, mark, 3) == NULL)
		return;
	while ((found = memmem(at, (size_t)(end - at), mark, 3)) != NULL) {
		const bool starts_line = found == text || found[-1] == '\n';
		const size_t n = (size_t)(found - at) + (starts_line ? 0 : 3);
		memmove(to, at, n);
		to += n;
		at = found + 3;
	}
	memmove(to, at, (size_t)(end - at));
	*length_bytes = (size_t)(to - text) + (size_t)(end - at);
}

char *text_to_utf8(char *text, size_t *length_bytes)
{
	char *out = text;

	if (*length_bytes >= 2 && (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0)) {
		out = utf16_convert(text, length_bytes, text[0] == '\xfe');
		free(text);
	}
	marks_remove(out, length_bytes);
	return invalid_replace(out, length_bytes);
}
