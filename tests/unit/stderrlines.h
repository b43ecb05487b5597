/* How many lines something writes to standard error. One at a time. */
#ifndef TESTS_STDERRLINES_H
#define TESTS_STDERRLINES_H

#include <stdio.h>
#include <unistd.h>

struct stderr_lines {
	FILE *file;
	int kept;
};

/* From here on it goes to a file. */
static inline struct stderr_lines stderr_lines_begin(void)
{
	struct stderr_lines l = {.file = tmpfile(), .kept = dup(STDERR_FILENO)};

	assert_true(l.file != NULL && l.kept >= 0 && dup2(fileno(l.file), STDERR_FILENO) >= 0);
	return l;
}

/* As before. Returns the number of lines since. */
static inline unsigned stderr_lines_end(struct stderr_lines *l)
{
	unsigned count = 0;
	int sign;

	dup2(l->kept, STDERR_FILENO);
	close(l->kept);
	rewind(l->file);
	while ((sign = getc(l->file)) != EOF)
		count += sign == '\n';
	fclose(l->file);
	return count;
}

/* The same, with what was written; cut where there is no more room. */
static inline unsigned stderr_lines_end_with(struct stderr_lines *l, char *text, size_t room)
{
	rewind(l->file);
	text[fread(text, 1, room - 1, l->file)] = '\0';
	return stderr_lines_end(l);
}

#endif
