/*
 * What the log is told of the problems of one turn: each file has its first lines, and of the rest one line for each
 * kind of problem, with how many there were. Main thread.
 */
#ifndef WATCH_MANIFEST_MANIFEST_TOLD_H
#define WATCH_MANIFEST_MANIFEST_TOLD_H

#include "base/map.h"
#include "watch/decode/problems.h"

#define TOLD_LINES_PER_FILE 20
#define TOLD_KINDS_PER_FILE 20 /* of problems beyond these lines; further kinds are counted together */

struct told {		  /* zero = nothing */
	struct map files; /* by path */
};

/* True: it is one of the first of its file, and to be logged as it is. */
bool told_note(struct told *t, const char *path, const struct decode_problem *p);
/* Logs what was counted only, and forgets all. */
void told_end(struct told *t, const char *root);

#endif
