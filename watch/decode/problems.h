/*
 * The problems of one object as one line: the log of a daemon must not fill with a slice of a thousand bad addresses.
 * The line is about what the object is refused for, else about the first problem, and tells how many more there are
 * and in which fields. Main thread.
 */
#ifndef WATCH_DECODE_PROBLEMS_H
#define WATCH_DECODE_PROBLEMS_H

#include "base/buf.h"
#include "watch/decode/decode.h"

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
