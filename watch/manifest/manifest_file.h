/*
 * Reads one manifest file into the catalog: cuts it into documents, decodes those whose bytes are new, and keeps the
 * last good version of what is refused or cannot be read. The caller settles the catalog's dirty entries afterwards.
 * A turn's first LOADER_INLINE_BYTES are read at once; what is beyond goes to another thread (manifest_reader.h) and is
 * taken over later, in the order in which it was asked for. What a file says last counts.
 */
#ifndef WATCH_MANIFEST_MANIFEST_FILE_H
#define WATCH_MANIFEST_MANIFEST_FILE_H

#include <sys/stat.h>

#include "watch/manifest/manifest_loader.h"

#define LOADER_INLINE_BYTES ((size_t)64 << 10)

struct file *file_new(const char *path);
/* Drops all that it defines. */
void file_free(struct loader *l, struct file *f);
/*
 * Reads the file, of which the tree knows this, again: f->stamp and what it defines are new; when it cannot be read,
 * the old state stays. That may be done later.
 */
void file_load(struct loader *l, struct file *f, const struct stat *st);
/*
 * Decodes an object that was not shown so far once more. NULL: the file has changed meanwhile, or is large: then it is
 * read again, and defines the object anew.
 */
struct object *file_fetch(struct loader *l, const struct definition *definition);
/* After a turn's fetches: the file may change. */
void file_fetch_end(struct loader *l);

#endif
