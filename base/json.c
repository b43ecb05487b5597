/* Writes JSON text. */
#include "base/json.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/text.h"

/* RFC 8259; what a terminal should not see is escaped too, and bytes that are not UTF-8 become U+FFFD. */
static void text(struct json *j, const char *s)
{
	size_t left = strlen(s), bytes;

	buf_add(j->out, "\"", 1);
	for (; left > 0; s += bytes, left -= bytes) {
		uint32_t c = text_character(s, left, &bytes);
		if (c == '"' || c == '\\')
			buf_printf(j->out, "\\%c", (int)c);
		else if (c == TEXT_INVALID)
			buf_puts(j->out, "\\ufffd");
		else if (!text_is_printable(c))
			buf_printf(j->out, "\\u%04x", (unsigned)c); /* all of these are below U+10000 */
		else
			buf_add(j->out, s, bytes);
	}
	buf_add(j->out, "\"", 1);
}

static void value_begin(struct json *j, const char *key)
{
	if (j->comma)
		buf_add(j->out, ",", 1);
	j->comma = true;
	if (key != NULL) {
		text(j, key);
		buf_add(j->out, ":", 1);
	}
}

static void json_open_value(struct json *j, const char *key, const char *bracket, char close)
{
	assert(j->depth < JSON_DEPTH);
	value_begin(j, key);
	buf_add(j->out, bracket, 1);
	j->close[j->depth++] = close;
	j->comma = false;
}

void json_object(struct json *j, const char *key)
{
	json_open_value(j, key, "{", '}');
}

void json_array(struct json *j, const char *key)
{
	json_open_value(j, key, "[", ']');
}

void json_end(struct json *j)
{
	assert(j->depth > 0);
	buf_add(j->out, &j->close[--j->depth], 1);
	j->comma = true;
}

void json_string(struct json *j, const char *key, const char *value)
{
	value_begin(j, key);
	if (value != NULL)
		text(j, value);
	else
		buf_puts(j->out, "null");
}

void json_number(struct json *j, const char *key, int64_t value)
{
	value_begin(j, key);
	buf_printf(j->out, "%" PRId64, value);
}

void json_bool(struct json *j, const char *key, bool value)
{
	value_begin(j, key);
	buf_puts(j->out, value ? "true" : "false");
}
