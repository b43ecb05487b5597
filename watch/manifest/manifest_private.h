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
	/* of a check: instead of the sink's upsert */
	void (*located)(void *ctx, struct object *o, const struct definition *d);
	void *located_ctx;
};

struct manifest *manifest_alloc(const char *path, const struct sink *sink);
void manifest_release(struct manifest *m);
/* Tells the sink of all that was read since. Returns how many objects were looked at. */
size_t manifest_settle(struct manifest *m);
#endif
