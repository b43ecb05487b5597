/*
 * Source: a directory of manifests. Every *.yaml, *.yml and *.json below it is read (hidden names are not), several
 * documents per file, lists too, and followed with inotify: a change reaches the sink in the loop turn in which the
 * event is read. Only changed documents are decoded again. What cannot be read or is refused keeps its last good
 * version; an object defined twice is taken from the first place by path and line. Main thread.
 */
#ifndef WATCH_MANIFEST_MANIFEST_H
#define WATCH_MANIFEST_MANIFEST_H

#include <stdio.h>

#include "watch/decode/decode.h"
#include "watch/manifest/manifest_counts.h"
#include "watch/source.h"

struct ev_loop;
struct manifest;

/*
 * Reads the directory and tells the sink everything (all kinds listed, complete, turn_end) before it returns; then
 * follows it on the loop. The sink outlives the manifest. NULL: it cannot be read, one line was logged.
 */
struct manifest *manifest_new(struct ev_loop *loop, const char *directory, const struct sink *sink);
/* The same in two steps, for a sink that calls manifest_report: NULL, or the second returns false, as above. */
struct manifest *manifest_open(const char *directory, const struct sink *sink);
bool manifest_start(struct manifest *m, struct ev_loop *loop);
void manifest_free(struct manifest *m);
/*
 * What the sink finds wrong with an object that it was told of: a line in the log like those of the source, with file
 * and line. For the sink's calls only.
 */
void manifest_report(struct manifest *m, enum object_kind kind, const struct decode_problem *p);
/* Reads every file again, as if each had changed; what is refused keeps its last good version here too. */
void manifest_reload(struct manifest *m);
/* Ends a turn of the sink's that no file has begun: it has something to tell by itself. */
void manifest_turn(struct manifest *m);
void manifest_count(const struct manifest *m, struct manifest_counts *counts);

/* `fairlead check`: who is told of what. */
struct manifest_checker {
	void *ctx;
	void (*problem)(void *ctx, const char *file, const struct decode_problem *p);
	/* Ownership passes. May come again for the same object, which then replaces it. */
	void (*object)(void *ctx, struct object *o, const char *file, uint32_t line);
};
/*
 * Reads a file or a directory with the same code, and adds to *counts. label: how the path is called in what is told;
 * NULL: as it is. False: it cannot be read, told.
 */
bool manifest_check(const char *path, const char *label, const struct manifest_checker *checker,
		    struct manifest_counts *counts);
/* A line of a check, escaped: "file:line: kind ns/name: field: reason". */
void manifest_problem_print(FILE *out, const char *file, const struct decode_problem *p);

#endif
