/*
 * The last-known-good file: the complete state as it was last in sync, for a start without an API server. Written as
 * a whole (temporary file, fsync, rename), checksummed and versioned; a truncated or corrupted file, or one of another
 * program, is reported and ignored. One file, STATE_FILE, in a directory that is made when it is not there.
 *
 * Writing: in a thread that no other waits for, since fsync may take long (proxy/checkpoint_writer.h).
 * Reading: main thread, at start.
 */
#ifndef WATCH_CHECKPOINT_FILE_H
#define WATCH_CHECKPOINT_FILE_H

#include "watch/source.h"

#define STATE_FILE "objects.state"

struct state_writer;

/*
 * source: what the state is of (the API server's address and the node's name): another source does not read it.
 * NULL: cannot be written, errno says why.
 */
struct state_writer *state_begin(const char *directory, const char *source, int64_t now_wall_ms);
void state_put(struct state_writer *w, const struct object *o);
/* Makes it the state, or on any failure (errno) leaves the old one in place. Frees w. */
bool state_commit(struct state_writer *w);

/* Ends without a new state. Frees w. */
void state_abandon(struct state_writer *w);

struct state_info {
	int64_t saved_wall_ms;
	size_t objects;
};

/*
 * Tells the sink the stored state as a complete one (all kinds listed, complete, turn_end). False, and the sink heard
 * nothing: there is no file, or a line says why it is ignored.
 */
bool state_load(const char *directory, const char *source, const struct sink *sink, struct state_info *info);

/* The same for bytes in memory, for tests: NULL or why they are ignored. */
const char *state_read(const void *bytes, size_t length_bytes, const char *source, const struct sink *sink,
		       struct state_info *info);

#endif
