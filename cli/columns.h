/*
 * A table on a terminal: lines of cells parted by "|" become aligned columns, two blanks apart. Lines without one are
 * printed as they are. Main thread.
 */
#ifndef CLI_COLUMNS_H
#define CLI_COLUMNS_H

#include <stddef.h>
#include <stdio.h>

#define COLUMNS_MAX 16

struct columns {      /* all zero: no line was seen */
	size_t count; /* as the first line has */
	size_t width[COLUMNS_MAX];
};

/* Widens the columns so that all lines of the text fit. The first line of the first text says how many there are. */
void columns_measure(struct columns *c, const char *text);
/* One line, up to a newline or the end. Returns what is behind it. */
const char *columns_line(const struct columns *c, const char *line, FILE *out);
void columns_print(struct columns *c, const char *text, FILE *out);

#endif
