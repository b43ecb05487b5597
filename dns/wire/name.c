/* Parses and compares domain names in wire form. */
#include "dns/wire/name.h"

#include <string.h>

void name_lower(uint8_t *to, const uint8_t *from, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		uint8_t c = from[i];
		to[i] = (uint8_t)(c | ((uint8_t)(c - 'A') < 26 ? 0x20 : 0));
	}
}

bool name_read(struct name *n, const uint8_t *message, size_t message_bytes, size_t *at)
{
	const uint8_t *start = message + *at;
	size_t room = message_bytes - *at, length = 0;
	unsigned labels = 0;

	if (room > NAME_BYTES)
		room = NAME_BYTES;
	for (;;) {
		if (length >= room)
			return false;
		n->label_at[labels] = (uint8_t)length;
		unsigned label = start[length];
		if (label == 0)
			break;
		if (label > NAME_LABEL_BYTES)
			return false;
		length += label + 1;
		labels++;
	}
	length++;
	name_lower(n->wire, start, length);
	n->length = (uint8_t)length;
	n->labels = (uint8_t)labels;
	*at += length;
	return true;
}

size_t name_encode(uint8_t wire[NAME_BYTES], const char *text)
{
	size_t length = 0;

	if (strcmp(text, ".") == 0)
		text = "";
	while (*text != '\0') {
		size_t label = strcspn(text, ".");
		if (label == 0 || label > NAME_LABEL_BYTES || length + label + 2 > NAME_BYTES)
			return 0;
		wire[length] = (uint8_t)label;
		memcpy(wire + length + 1, text, label);
		length += label + 1;
		text += label + (text[label] == '.');
	}
	wire[length] = 0;
	return length + 1;
}

bool name_parse(struct name *n, const char *text)
{
	uint8_t wire[NAME_BYTES];
	size_t length = name_encode(wire, text), at = 0;

	return length > 0 && name_read(n, wire, length, &at);
}

bool name_ends_with(const struct name *n, const struct name *suffix)
{
	return n->labels >= suffix->labels && n->length >= suffix->length &&
	       n->label_at[n->labels - suffix->labels] == n->length - suffix->length &&
	       memcmp(n->wire + n->length - suffix->length, suffix->wire, suffix->length) == 0;
}

static size_t escape(char *to, uint8_t c)
{
	if (c <= ' ' || c >= 0x7f) {
		to[0] = '\\';
		to[1] = (char)('0' + c / 100);
		to[2] = (char)('0' + c / 10 % 10);
		to[3] = (char)('0' + c % 10);
		return 4;
	}
	size_t at = 0;
	if (strchr(".\\\"();@$", c) != NULL)
		to[at++] = '\\';
	to[at++] = (char)c;
	return at;
}

const char *name_format(const uint8_t *wire, char text[NAME_TEXT_BYTES])
{
	size_t at = 0;

	for (; *wire != 0; wire += *wire + 1) {
		for (unsigned i = 1; i <= *wire; i++)
			at += escape(text + at, wire[i]);
		text[at++] = '.';
	}
	if (at == 0)
		text[at++] = '.';
	text[at] = '\0';
	return text;
}

int label_compare(const uint8_t *label, unsigned length, const char *text)
{
	size_t text_bytes = strlen(text);
	int order = memcmp(label, text, length < text_bytes ? length : text_bytes);

	return order != 0 ? order : (length > text_bytes) - (length < text_bytes);
}

bool name_label_is(const struct name *n, unsigned i, const char *text)
{
	unsigned length;
	const uint8_t *label = name_label(n, i, &length);

	return label_compare(label, length, text) == 0;
}
