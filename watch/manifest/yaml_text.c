#include "watch/manifest/yaml_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- documents ---- */

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

/* ---- what libfyaml is spared: 0.7.12 loops on some of it and leaks on some (found by fuzzing) ---- */

/* Bytes of a well-formed UTF-8 sequence at *s (RFC 3629); 0 = none. */
static size_t utf8_bytes(const unsigned char *s, size_t left)
{
	static const unsigned char first_min[] = {0x80, 0x80, 0xa0, 0x90}; /* no overlong forms */
	size_t n = s[0] < 0x80 ? 1 : s[0] >= 0xc2 && s[0] < 0xe0 ? 2 : (s[0] & 0xf0) == 0xe0 ? 3 : 4;

	if (n == 1)
		return 1;
	if (n > left || s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 || s[0] == 0xf0) && s[1] < first_min[n - 1])
		return 0;
	return (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf4 && s[1] > 0x8f) ? 0 : n; /* surrogates, above 10FFFF */
}

static bool __attribute__((format(printf, 3, 4))) refuse(struct yaml_error *error, uint32_t line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(error->reason, sizeof error->reason, fmt, ap);
	va_end(ap);
	error->line = line;
	return false;
}

static bool check_bytes(const struct yaml_chunk *chunk, struct yaml_error *error)
{
	const unsigned char *s = (const unsigned char *)chunk->text;
	uint32_t line = chunk->line;
	size_t n;

	for (size_t i = 0; i < chunk->length_bytes; i += n) {
		n = 1;
		if (s[i] >= ' ' && s[i] < 0x7f)
			continue;
		n = utf8_bytes(s + i, chunk->length_bytes - i);
		if (n == 0)
			return refuse(error, line, "not UTF-8: byte 0x%02x", s[i]);
		if (s[i] == '\n')
			line++;
		else if (s[i] < ' ' && s[i] != '\t' && s[i] != '\r')
			return refuse(error, line, "control character 0x%02x", s[i]);
	}
	return true;
}

/* %YAML is all that anyone writes; a %TAG could only name types that are not used here. */
static bool check_directives(const struct yaml_chunk *chunk, struct yaml_error *error)
{
	uint32_t line = chunk->line;
	size_t n;

	for (size_t i = 0; i < chunk->length_bytes; i += n, line++) {
		const char *at = chunk->text + i;
		n = line_bytes(at, chunk->length_bytes - i);
		if (!is_prelude(at, n))
			break;
		if (at[0] == '%' && (n < 9 || (memcmp(at, "%YAML 1.1", 9) != 0 && memcmp(at, "%YAML 1.2", 9) != 0)))
			return refuse(error, line, "directive that is not %%YAML 1.1 or 1.2");
	}
	return true;
}

bool yaml_text_check(const struct yaml_chunk *chunk, struct yaml_error *error)
{
	return check_bytes(chunk, error) && check_directives(chunk, error);
}
