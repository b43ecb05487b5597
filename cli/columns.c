/* Aligns cells. */
#include "cli/columns.h"

#include <stdbool.h>
#include <string.h>

/* Terminal cells of UTF-8 text: what follows a first byte takes none. */
static size_t cells(const char *text, size_t bytes)
{
	size_t n = 0;

	for (size_t i = 0; i < bytes; i++)
		n += ((unsigned char)text[i] & 0xc0) != 0x80;
	return n;
}

/* The cell at `at`; the last column takes the rest of the line, whatever is in it. */
static size_t cell_bytes(const char *at, size_t column, size_t count)
{
	return strcspn(at, column + 1 < count ? "|\n" : "\n");
}

static size_t count_columns(const char *header)
{
	size_t n = 1;

	for (; *header != '\n' && *header != '\0'; header++)
		n += *header == '|';
	return n < COLUMNS_MAX ? n : COLUMNS_MAX;
}

static bool is_row(const char *line)
{
	return memchr(line, '|', strcspn(line, "\n")) != NULL;
}

static void measure_line(struct columns *c, const char *line)
{
	for (size_t k = 0; k < c->count; k++) {
		size_t bytes = cell_bytes(line, k, c->count), width = cells(line, bytes);
		if (width > c->width[k])
			c->width[k] = width;
		line += bytes;
		if (*line++ != '|')
			return;
	}
}

void columns_measure(struct columns *c, const char *text)
{
	if (c->count == 0)
		c->count = count_columns(text);
	while (*text != '\0') {
		if (is_row(text))
			measure_line(c, text);
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
}

const char *columns_line(const struct columns *c, const char *line, FILE *out)
{
	for (size_t k = 0;; k++) {
		size_t bytes = cell_bytes(line, k, c->count), width = cells(line, bytes);
		fwrite(line, 1, bytes, out);
		line += bytes;
		if (*line != '|')
			break;
		line++;
		for (size_t pad = c->width[k] > width ? c->width[k] - width + 2 : 2; pad > 0; pad--)
			fputc(' ', out);
	}
	fputc('\n', out);
	return *line == '\n' ? line + 1 : line;
}

void columns_print(struct columns *c, const char *text, FILE *out)
{
	columns_measure(c, text);
	while (*text != '\0')
		text = columns_line(c, text, out);
}
