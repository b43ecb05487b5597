/*
 * One reading of a manifest file, without what came of it: its bytes, the documents that they are cut into, and which
 * of these were there before. Any thread, one at a time.
 */
#ifndef WATCH_MANIFEST_MANIFEST_READING_H
#define WATCH_MANIFEST_MANIFEST_READING_H

#include <sys/stat.h>

#include "watch/manifest/manifest_cut.h"

#define MANIFEST_FILE_MAX_BYTES ((size_t)256 << 20) /* larger files are refused with a line */

#define READING_NOT_A_FILE (-1)
#define READING_TOO_LARGE (-2)
#define READING_NEW UINT32_MAX

struct said;

struct reading {
	/* To be read: */
	char *path;	  /* to open; owned */
	uint64_t *hashes; /* of the documents that are known, in the order of the file; owned */
	size_t hash_count;
	/* What was read: */
	int error;	/* 0, an errno, or READING_…: then there is nothing but st */
	struct stat st; /* zero: not known */
	char *bytes;
	size_t length_bytes;
	struct cuts cuts;
	uint32_t *same;	    /* of each cut: the known document that it is, each one once; or READING_NEW */
	struct said **said; /* of each cut, filled by another thread; NULL: none is */
};

/* The bytes as they are now; a file that grows while it is read is read again after its close event. */
char *reading_bytes(const char *path, struct stat *st, size_t *length_bytes, int *error);
/* What tells one state of a file from another. */
void reading_stamp(uint64_t stamp[4], const struct stat *st);
/* Reads and cuts. */
void reading_make(struct reading *r);
void reading_fini(struct reading *r);

#endif
