/*
 * The seam between sources (manifest directory, API server, checkpoint file) and what follows them.
 *
 * A source runs on the main thread's libev loop and calls the sink. Whatever it learns is told in one way: a list is
 * list_begin(kind), upserts, list_end(kind), where the end removes every object of that kind which was not upserted
 * since the begin; single changes are upsert and remove outside of a list. A list that broke off starts again with
 * another list_begin; remove may come inside a list too (changes arrive between the objects of a streaming list).
 * turn_end follows every burst of calls: that is when the sink acts. A source that loses its connection says nothing:
 * the last state stays.
 */
#ifndef WATCH_SOURCE_H
#define WATCH_SOURCE_H

#include "watch/object.h"

struct sink {
	void *ctx;
	void (*upsert)(void *ctx, struct object *o); /* ownership passes to the sink */
	void (*remove)(void *ctx, enum object_kind kind, const char *ns, const char *name);
	/* Exists, but what it says now is unusable: its last good version stays, also over the end of a list. */
	void (*keep)(void *ctx, enum object_kind kind, const char *ns, const char *name);
	void (*list_begin)(void *ctx, enum object_kind kind);
	void (*list_end)(void *ctx, enum object_kind kind);
	/* From now on the state is complete (every kind listed once); called before the turn_end of that burst. */
	void (*complete)(void *ctx);
	void (*turn_end)(void *ctx);
};

#endif
