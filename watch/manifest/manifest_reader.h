/*
 * A thread that reads and parses large manifests, so that the main loop does not wait for them: a file's bytes become
 * objects there, and the main thread only takes them over. Files are read in the order in which they were asked for.
 * It has no capability, and system calls that read files.
 */
#ifndef WATCH_MANIFEST_MANIFEST_READER_H
#define WATCH_MANIFEST_MANIFEST_READER_H

#include <stdatomic.h>
#include <stdbool.h>

#include "watch/manifest/manifest_reading.h"

#define READER_STOP_MS 300 /* for a document that it is in the midst of; then it is left behind */

struct manifest_reader;

/* The reader's until it is done, but for what main may look at. */
struct reader_job {
	struct reader_job *next;
	struct reading reading; /* main: from `opened` on, and said[i] only of documents that are read */
	atomic_bool cancelled;	/* set by main: nothing more is wanted of it */
	/* Under the reader's lock: see reader_progress. */
	size_t read, taken;
	bool opened, done;
};

struct reader_progress {
	bool opened; /* bytes, cuts and what is the same are known */
	bool done;   /* the reader does not look at it any more */
	size_t read; /* documents */
};

/* wake is called in the thread, whenever there is more. NULL: no thread could be made; *error says why. */
struct manifest_reader *reader_start(void (*wake)(void *ctx), void *ctx, int *error);
/* Jobs that are not done are the caller's again; false: the thread is left behind, and with it what it works on. */
bool reader_stop(struct manifest_reader *r);
void reader_ask(struct manifest_reader *r, struct reader_job *job);
/* taken: so many documents are not needed any more; the thread does not run far ahead of that. */
struct reader_progress reader_progress(struct manifest_reader *r, struct reader_job *job, size_t taken);
void reader_cancel(struct manifest_reader *r, struct reader_job *job);

#endif
