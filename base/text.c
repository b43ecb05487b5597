/* Escapes what must not be printed as it is. */
#include "base/text.h"

#include <stdio.h>
#include <string.h>

static bool continues(unsigned char byte)
{
	return (byte & 0xc0) == 0x80;
}

uint32_t text_character(const char *text, size_t length, size_t *bytes)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *b = (const unsigned char *)text;
	size_t n = b[0] < 0x80 ? 1 : b[0] < 0xc0 ? 0 : b[0] < 0xe0 ? 2 : b[0] < 0xf0 ? 3 : b[0] < 0xf8 ? 4 : 0;
	uint32_t code = n == 1 ? b[0] : b[0] & (0x7fU >> n);

	*bytes = 1;
	if (n == 0 || n > length)
		return TEXT_INVALID;
	for (size_t i = 1; i < n; i++) {
		if (!continues(b[i]))
			return TEXT_INVALID;
		code = code << 6 | (b[i] & 0x3fU);
	}
	if (code < least[n] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return TEXT_INVALID;
	*bytes = n;
	return code;
}

bool text_is_printable(uint32_t c)
{
	if (c < 0x20 || (c >= 0x7f && c < 0xa0) || c == TEXT_INVALID)
		return false;
	return !(c >= 0x200e && c <= 0x200f) && !(c >= 0x2028 && c <= 0x202e) && !(c >= 0x2066 && c <= 0x2069) &&
	       c != 0xfeff;
}

static size_t escape_one(char to[TEXT_ESCAPED_BYTES_MAX + 1], const char *text, size_t bytes, uint32_t code)
{
	const char *at = code != '\0' && code < 0x80 ? strchr("\nn\tt\rr", (int)code) : NULL;
	int n;

	if (text_is_printable(code)) {
		memcpy(to, text, bytes);
		return bytes;
	}
	if (at != NULL)
		n = snprintf(to, TEXT_ESCAPED_BYTES_MAX + 1, "\\%c", at[1]);
	else if (bytes == 1)
		n = snprintf(to, TEXT_ESCAPED_BYTES_MAX + 1, "\\x%02x", (unsigned)(unsigned char)text[0]);
	else
		n = snprintf(to, TEXT_ESCAPED_BYTES_MAX + 1, "\\u{%x}", (unsigned)code);
	return (size_t)n;
}

size_t text_escape(char *to, size_t room, const char *text, size_t length)
{
	char one[TEXT_ESCAPED_BYTES_MAX + 1];
	size_t at = 0, bytes;

	for (; length > 0; text += bytes, length -= bytes) {
		uint32_t code = text_character(text, length, &bytes);
		size_t n = escape_one(one, text, bytes, code);
		if (at + n >= room)
			break;
		memcpy(to + at, one, n);
		at += n;
	}
	if (room > 0)
		to[at] = '\0';
	return at;
}

#define DISTANCE_BYTES_MAX 64

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

size_t text_distance(const char *a, const char *b, size_t most)
{
	size_t rows[3][DISTANCE_BYTES_MAX + 1], n = strlen(a), m = strlen(b);
	size_t *before = rows[0], *last = rows[1], *row = rows[2];

	if (n > DISTANCE_BYTES_MAX || m > DISTANCE_BYTES_MAX || (n > m ? n - m : m - n) > most)
		return most + 1;
	for (size_t j = 0; j <= m; j++)
		last[j] = j;
	for (size_t i = 1; i <= n; i++) {
		row[0] = i;
		for (size_t j = 1; j <= m; j++) {
			row[j] = least(least(last[j], row[j - 1]) + 1, last[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = least(row[j], before[j - 2] + 1);
		}
		size_t *spare = before;
		before = last;
		last = row;
		row = spare;
	}
	return least(last[m], most + 1);
}

int text_compare_names(const char *ns, const char *name, const char *other_ns, const char *other_name)
{
	const int order = strcmp(ns, other_ns);

	return order != 0 ? order : strcmp(name, other_name);
}
