/*
 * What is wrong with an object, and the problems of one object as one line: the log of a daemon must not fill with a
 * slice of a thousand bad addresses. The line is about what the object is refused for, else about the first problem,
 * and tells how many more there are and in which fields. Main thread.
 */
#ifndef WATCH_DECODE_PROBLEMS_H
#define WATCH_DECODE_PROBLEMS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/mem.h"

struct decode_problem {
	uint32_t line;	   /* 0 = not known (JSON of an API server) */
	const char *kind;  /* "Service"; "" when not known */
	const char *ns;	   /* "" for cluster-scoped kinds or when not known */
	const char *name;  /* "" when not known */
	const char *field; /* "spec.ports[1].port"; "" = the whole document */
	const char *reason;
	bool refused; /* error: the object is refused; else the part is skipped */
	/* problems_tell: how many more the object has, and some of their fields. */
	size_t more;
	const char *more_fields; /* "spec.type, spec.ports[0]"; read only when there are more */
};

#define PROBLEM_TEXT_BYTES 1024
/*
 * "file:line: kind ns/name: field: reason" without what is not known, and "; and 2 more: fields" when there are more;
 * file may be NULL. Returns text.
 */
const char *decode_problem_format(char text[PROBLEM_TEXT_BYTES], const char *file, const struct decode_problem *p);

struct problems { /* zero = none */
	struct arena *arena;
	struct decode_problem line; /* its texts are in the arena */
	size_t count, listed;
	struct buf more;
};

void problems_add(struct problems *ps, const struct decode_problem *p);
/* Tells of the one line, if there is any, and forgets all. */
void problems_tell(struct problems *ps, void (*tell)(void *ctx, const struct decode_problem *p), void *ctx);
void problems_fini(struct problems *ps);

#endif
