/* Escapes text for HTML. */
#include "observe/page/html.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define FORMATTED_BYTES 1024

static const char *entity(char c)
{
	switch (c) {
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '&':
		return "&amp;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

/* Printable ASCII. */
static bool is_plain(const char *text)
{
	for (; *text != '\0'; text++)
		if (*text < ' ' || *text > '~')
			return false;
	return true;
}

static void put_entities(struct buf *out, const char *text)
{
	const char *from = text;

	for (; *text != '\0'; text++) {
		const char *as = entity(*text);
		if (as == NULL)
			continue;
		buf_add(out, from, (size_t)(text - from));
		buf_puts(out, as);
		from = text + 1;
	}
	buf_puts(out, from);
}

void html_text(struct buf *out, const char *text)
{
	struct buf escaped = {0};

	if (is_plain(text)) {
		put_entities(out, text);
		return;
	}
	buf_add_escaped(&escaped, text, strlen(text), false);
	put_entities(out, escaped.data);
	buf_fini(&escaped);
}

void html_printf(struct buf *out, const char *fmt, ...)
{
	char text[FORMATTED_BYTES];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	html_text(out, text);
}
