/* Finds members in JSON text without a tree. */
#include "watch/api/span.h"

#include <stdlib.h>
#include <string.h>

static const char *blank_skip(const char *at, const char *end)
{
	while (at < end && (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r'))
		at++;
	return at;
}

/* at is on the opening quote; returns behind the closing one, or end when it is cut off. */
static const char *string_skip(const char *at, const char *end)
{
	for (at++; at < end; at++) {
		if (*at == '\\')
			at++;
		else if (*at == '"')
			return at + 1;
	}
	return end;
}

static const char *value_skip(const char *at, const char *end)
{
	size_t depth = 0;

	while (at < end) {
		if (*at == '"') {
			at = string_skip(at, end);
		} else if (*at == '{' || *at == '[') {
			depth++;
			at++;
		} else if (depth > 0) {
			depth -= *at == '}' || *at == ']';
			at++;
		} else if (strchr(",}] \n\t\r", *at) != NULL) {
			return at;
		} else {
			at++;
			continue; /* within a number or a word */
		}
		if (depth == 0)
			return at;
	}
	return end;
}

bool span_member(struct span object, const char *key, struct span *value)
{
	const char *end = object.bytes + object.length_bytes;
	const char *at = blank_skip(object.bytes, end);
	size_t key_bytes = strlen(key);

	if (at == end || *at != '{')
		return false;
	for (at++;; at++) {
		const char *name = blank_skip(at, end);
		if (name == end || *name != '"')
			return false;
		at = string_skip(name, end);
		bool found = at == name + key_bytes + 2 && memcmp(name + 1, key, key_bytes) == 0;
		at = blank_skip(at, end);
		if (at == end || *at != ':')
			return false;
		at = blank_skip(at + 1, end);
		const char *from = at;
		at = value_skip(at, end);
		if (found) {
			*value = (struct span){from, (size_t)(at - from)};
			return true;
		}
		at = blank_skip(at, end);
		if (at == end || *at != ',')
			return false;
	}
}

static unsigned hex4(const char *at, const char *end)
{
	char digits[5] = "";

	if (end - at < 4)
		return 0;
	memcpy(digits, at, 4);
	return (unsigned)strtoul(digits, NULL, 16);
}

/* at is behind the backslash; stores the meant byte and returns where to go on. */
static const char *escape_read(const char *at, const char *end, char *meant)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *known = *at != '\0' ? strchr(from, *at) : NULL;

	*meant = known != NULL ? to[known - from] : '?';
	if (*at != 'u')
		return at + 1;
	unsigned code = hex4(at + 1, end);
	if (code > 0 && code < 128)
		*meant = (char)code;
	return end - at < 5 ? end : at + 5;
}

bool span_text(struct span value, char *text, size_t room_bytes)
{
	const char *at = value.bytes, *end = value.bytes + value.length_bytes;
	size_t n = 0;

	text[0] = '\0';
	if (value.length_bytes < 2 || *at != '"' || end[-1] != '"')
		return false;
	for (at++, end--; at < end && n + 1 < room_bytes; n++) {
		if (*at == '\\' && at + 1 < end)
			at = escape_read(at + 1, end, &text[n]);
		else
			text[n] = *at++;
	}
	text[at < end ? 0 : n] = '\0';
	return at >= end;
}

bool span_member_text(struct span object, const char *key, char *text, size_t room_bytes)
{
	struct span value;

	text[0] = '\0';
	return span_member(object, key, &value) && span_text(value, text, room_bytes);
}

int64_t span_member_number(struct span object, const char *key, int64_t otherwise)
{
	struct span value;
	char digits[24] = "", *stop;

	if (!span_member(object, key, &value) || value.length_bytes == 0 || value.length_bytes >= sizeof digits)
		return otherwise;
	memcpy(digits, value.bytes, value.length_bytes);
	int64_t number = strtoll(digits, &stop, 10);
	return *stop == '\0' ? number : otherwise;
}
