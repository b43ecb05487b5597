/*
 * What reading files needs and gathers: parsers, counts, what is told. One for a folder. Main thread.
 */
#ifndef WATCH_MANIFEST_MANIFEST_LOADER_H
#define WATCH_MANIFEST_MANIFEST_LOADER_H

#include "watch/manifest/manifest_catalog.h"
#include "watch/manifest/manifest_counts.h"
#include "watch/manifest/manifest_parser.h"
#include "watch/manifest/manifest_retry.h"

struct manifest_reader;
struct load;

struct unknown_kind {
	struct unknown_kind *next;
	size_t count;
	bool said;
	char text[128]; /* "apps/v1 Deployment" */
};

/* Kinds that are none of ours: so many are counted one by one, all others together. */
#define UNKNOWN_KINDS_MAX 64
struct unknown_kinds {
	struct map by_text;
	struct unknown_kind *all, others;
};

struct file_bytes {
	const struct file *file; /* NULL: none */
	char *bytes;		 /* NULL: cannot be read */
	size_t length_bytes;
};

struct loader {
	struct catalog *catalog;
	const char *root; /* borrowed */
	void (*report)(void *ctx, const char *path, const struct decode_problem *p);
	void (*document_done)(void *ctx); /* may be NULL: what was defined so far may be settled, to keep less */
	void *ctx;
	struct manifest_counts counts; /* objects is the catalog's */
	struct unknown_kinds unknown;
	struct gone *gone;		/* of this turn, the last file first: manifest_gone.h */
	struct file_bytes fetched;	/* the file that file_fetch has read last */
	struct retry retry;		/* what could not be read for a passing reason */
	struct manifest_parser *parser; /* by loader_init */
	struct manifest_reader *reader; /* NULL: all is read at once */
	struct load *loads, *last_load; /* that it is asked for, in their order */
	uint64_t loads_asked, loads_done;
	size_t inline_bytes; /* read at once in this turn */
};

void loader_init(struct loader *l);
void loader_fini(struct loader *l);
void loader_problem(struct loader *l, const char *path, const struct decode_problem *p);
/* A line about a file or directory as a whole. */
void loader_report(struct loader *l, const char *path, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Why it cannot be read, an errno or READING_…; unless that was said and is tried again. */
void loader_unread(struct loader *l, const char *path, int error);

#endif
