/* JSON objects in a text, and whether they are JSON to the letter. */
#include "watch/manifest/json_text.h"

#include <ctype.h>
#include <string.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
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
		if (s[i] == '\'' || s[i] == '#') /* YAML in braces: what follows may hide others */
			return 0;
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
		if (!marker && (i == 0 || s[i - 1] == '\n') && yaml_is_marker(s + i, n - i, "---")) {
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
	*object = (struct yaml_chunk){.text = s + i, .length_bytes = *after - i, .line = line};
	return true;
}

/* ---- to the letter ---- */

static size_t digits(const char *s, size_t n)
{
	size_t i = 0;

	while (i < n && isdigit((unsigned char)s[i]))
		i++;
	return i;
}

/* Bytes of the number that begins here; 0: none by RFC 8259, 6. */
static size_t number_bytes(const char *s, size_t n)
{
	const size_t sign = n != 0 && s[0] == '-';
	const size_t whole = digits(s + sign, n - sign);
	size_t i = sign + whole, part;

	if (whole == 0 || (whole > 1 && s[sign] == '0'))
		return 0;
	if (i < n && s[i] == '.') {
		if ((part = digits(s + i + 1, n - i - 1)) == 0)
			return 0;
		i += 1 + part;
	}
	if (i < n && (s[i] == 'e' || s[i] == 'E')) {
		i += i + 1 < n && (s[i + 1] == '-' || s[i + 1] == '+') ? 2 : 1;
		if ((part = digits(s + i, n - i)) == 0)
			return 0;
		i += part;
	}
	return i;
}

bool json_is_strict(const char *text, size_t length_bytes)
{
	for (size_t i = 0, end; i < length_bytes; i = end) {
		end = i + 1;
		if (text[i] == '"') {
			end = string_end(text, length_bytes, i);
			for (size_t k = i; k < end; k++)
				if ((unsigned char)text[k] < 0x20)
					return false;
		} else if (text[i] == '-' || isdigit((unsigned char)text[i])) {
			end = i + number_bytes(text + i, length_bytes - i);
			if (end == i)
				return false;
		} else if ((unsigned char)text[i] < 0x20 && !is_blank(text[i])) {
			return false;
		}
	}
	return true;
}
