/* Inside of watch/manifest/: one folder's state, for the daemon's half and that of `fairlead check`. */
#ifndef WATCH_MANIFEST_MANIFEST_PRIVATE_H
#define WATCH_MANIFEST_MANIFEST_PRIVATE_H

#include <ev.h>

#include "watch/manifest/manifest.h"
#include "watch/manifest/manifest_told.h"
#include "watch/manifest/manifest_tree.h"

struct manifest {
	struct ev_loop *loop;
	const struct sink *sink;
	char *root;
	struct catalog catalog;
	struct loader loader;
	struct tree *tree;
	struct told told; /* this turn's lines in the log */
	ev_io io;
	ev_timer retry;
	ev_async more;	   /* the reader has some, or a turn had too much */
	size_t settled;	   /* entries, since the log was told… */
	uint64_t start_ns; /* …and since when; 0: nothing is going on */
	/* of a check: instead of the sink's upsert */
	void (*located)(void *ctx, struct object *o, const struct definition *d);
	void *located_ctx;
};

struct manifest *manifest_alloc(const char *path, const struct sink *sink);
void manifest_release(struct manifest *m);
/* manifest_settle.c: tells the sink of what was read since, of so many objects at most. Returns their number. */
size_t manifest_settle(struct manifest *m, size_t most);
#endif
