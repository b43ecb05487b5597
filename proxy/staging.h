/*
 * What a source says before it has said everything. It goes to the store, unless something older is served from there
 * meanwhile: then it is staged until it is complete, and replaces the older state in one go. So the store never
 * holds a mixture of both. Main thread.
 */
#ifndef PROXY_STAGING_H
#define PROXY_STAGING_H

#include "proxy/store.h"

struct staging;

/* The store is borrowed. The source's `complete` is told to the caller instead of the store. */
struct staging *staging_new(struct store *store, void (*complete)(void *ctx), void *ctx);
void staging_free(struct staging *a); /* NULL is fine */
/* Where the source talks to, before and after; turn_end goes to the store at once. */
const struct sink *staging_sink(const struct staging *a);

/* Empties the store: what the source has said so far, and what it says from now on, is staged. */
void staging_begin(struct staging *a);
/*
 * The store holds what the source has said, and nothing else but the last good version of objects that the source has
 * but whose present version is unusable. Without staging_begin it does already. For good: no second staging_begin.
 */
void staging_end(struct staging *a);

#endif
