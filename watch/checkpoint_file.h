/*
 * The checkpoint file: all objects as they were last in sync, for a start without an API server. Written as
 * a whole (temporary file, fsync, rename), checksummed and versioned; a truncated or corrupted file, or one of another
 * program, is reported and ignored. One file, CHECKPOINT_FILE, in a directory that is made when it is not there.
 *
 * Writing: in a thread that no other waits for, since fsync may take long (proxy/checkpoint_writer.h).
 * Reading: main thread, at start.
 */
#ifndef WATCH_CHECKPOINT_FILE_H
#define WATCH_CHECKPOINT_FILE_H

#include "watch/source.h"

#define CHECKPOINT_FILE "objects.state"

struct checkpoint_file_writer;

/*
 * source: what the state is of (the API server's address and the node's name): another source does not read it.
 * NULL: cannot be written, errno says why.
 */
struct checkpoint_file_writer *checkpoint_file_begin(const char *directory, const char *source, int64_t now_wall_ms);
void checkpoint_file_put(struct checkpoint_file_writer *w, const struct object *o);
/* Makes it the state, or on any failure (errno) leaves the old one in place. Frees w. */
bool checkpoint_file_commit(struct checkpoint_file_writer *w);

/* Ends without a new state. Frees w. */
void checkpoint_file_abandon(struct checkpoint_file_writer *w);

struct checkpoint_file_info {
	int64_t saved_wall_ms;
	size_t objects;
};

/*
 * Tells the sink the stored state as a complete one (all kinds listed, complete, turn_end). False, and the sink heard
 * nothing: there is no file, or a line says why it is ignored.
 */
bool checkpoint_file_load(const char *directory, const char *source, const struct sink *sink,
			  struct checkpoint_file_info *info);

/* The same for bytes in memory, for tests: NULL or why they are ignored. */
const char *checkpoint_file_read(const void *bytes, size_t length_bytes, const char *source, const struct sink *sink,
				 struct checkpoint_file_info *info);

#endif
