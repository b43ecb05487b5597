/*
 * Reads one manifest file into the catalog: cuts it into documents, decodes those whose bytes are new, and keeps the
 * last good version of what is refused or cannot be read. The caller settles the catalog's dirty entries afterwards.
 */
#ifndef WATCH_MANIFEST_MANIFEST_FILE_H
#define WATCH_MANIFEST_MANIFEST_FILE_H

#include <sys/stat.h>

#include "watch/manifest/manifest_loader.h"

#define MANIFEST_FILE_MAX_BYTES ((size_t)256 << 20) /* larger files are refused with a line */

struct file *file_new(const char *path);
/* Drops all that it defines. */
void file_free(struct loader *l, struct file *f);
void file_stamp(uint64_t stamp[4], const struct stat *st);
/* Reads the file again: f->stamp and what it defines are new; when it cannot be read, the old state stays. */
void file_load(struct loader *l, struct file *f);
/* Decodes an object that was not shown so far once more. NULL: the file has changed meanwhile. */
struct object *file_fetch(struct loader *l, const struct definition *definition);
/* After a turn's fetches: the file may change. */
void file_fetch_end(struct loader *l);

#endif
