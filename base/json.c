#include "base/json.h"

#include <assert.h>
#include <inttypes.h>

static void text(struct json *j, const char *s)
{
	buf_add(j->out, "\"", 1);
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;
		if (c == '"' || c == '\\')
			buf_printf(j->out, "\\%c", c);
		else if (c < ' ')
			buf_printf(j->out, "\\u%04x", c);
		else
			buf_add(j->out, s, 1);
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

static void open(struct json *j, const char *key, const char *bracket, char close)
{
	assert(j->depth < JSON_DEPTH);
	value_begin(j, key);
	buf_add(j->out, bracket, 1);
	j->close[j->depth++] = close;
	j->comma = false;
}

void json_object(struct json *j, const char *key)
{
	open(j, key, "{", '}');
}

void json_array(struct json *j, const char *key)
{
	open(j, key, "[", ']');
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
