/*
 * Writes the checkpoint in a thread, so that neither packing nor the disk holds up the main loop. A write begins with a
 * snapshot: the store's objects, which are never edited, are held until it has ended. There is one at a time, so memory
 * is bounded by twice the objects. All functions: main thread.
 */
#ifndef PROXY_CHECKPOINT_WRITER_H
#define PROXY_CHECKPOINT_WRITER_H

#include <ev.h>
#include <stdbool.h>

#include "proxy/store.h"

#define CHECKPOINT_STOP_MS 600 /* how long an end waits for the disk */

struct checkpoint_writer;

/* `done` runs on the loop after each write, with 0 or an errno. directory and source are borrowed. */
struct checkpoint_writer *checkpoint_writer_new(struct ev_loop *loop, const char *directory, const char *source,
						void (*done)(void *ctx, int error), void *ctx);
/* Begins to write what the store has now; not while busy. */
void checkpoint_writer_write(struct checkpoint_writer *w, const struct store *store);
bool checkpoint_writer_is_busy(const struct checkpoint_writer *w);
/*
 * Ends the thread; `done` runs no more. last: the state to write before, in place of a write that is under way; NULL:
 * that one is the last. 0, or an errno of the last write: ETIMEDOUT when it takes longer than CHECKPOINT_STOP_MS, and
 * then the file on disk stays as it was.
 */
int checkpoint_writer_free(struct checkpoint_writer *w, const struct store *last);

#endif
