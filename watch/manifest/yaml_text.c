/* Finds the documents in YAML text. */
#include "watch/manifest/yaml_text.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

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

	*chunk = (struct yaml_chunk){text + i, 0, *line};
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

/* ---- JSON objects ---- */

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

/* Offset behind the string that starts at i. */
static size_t string_end(const char *s, size_t n, size_t i)
{
	for (i++; i < n && s[i] != '"'; i++)
		i += s[i] == '\\';
	return i < n ? i + 1 : n;
}

/* Offset behind the object that starts at i; 0: it does not end. */
static size_t object_end(const char *s, size_t n, size_t i, size_t *values)
{
	size_t depth = 0;

	for (*values = 1; i < n;) {
		if (s[i] == '"') {
			i = string_end(s, n, i);
			continue;
		}
		depth += s[i] == '{' || s[i] == '[';
		*values += s[i] == ',' || s[i] == '{' || s[i] == '[';
		if ((s[i] == '}' || s[i] == ']') && --depth == 0)
			return i + 1;
		i++;
	}
	return 0;
}

bool json_next_object(const struct yaml_chunk *text, struct yaml_chunk *object, size_t *after, size_t *values)
{
	const char *s = text->text;
	const size_t n = text->length_bytes;
	uint32_t line = text->line;
	bool marker = false;
	size_t i = 0;

	for (; i < n; i++) {
		if (!marker && (i == 0 || s[i - 1] == '\n') && is_marker(s + i, n - i, "---")) {
			marker = true;
			i += 2;
		} else if (!is_blank(s[i])) {
			break;
		} else {
			line += s[i] == '\n';
		}
	}
	if (i == n || s[i] != '{' || (*after = object_end(s, n, i, values)) == 0)
		return false;
	*object = (struct yaml_chunk){s + i, *after - i, line};
	return true;
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
	return out;
}
