/*
 * The directory tree below the root: which files are there, and inotify's word on which have changed. It loads and
 * drops files in the loader's catalog; the caller settles the catalog after tree_open and after each tree_event.
 */
#ifndef WATCH_MANIFEST_MANIFEST_TREE_H
#define WATCH_MANIFEST_MANIFEST_TREE_H

#include "watch/manifest/manifest_file.h"

#define MANIFEST_DEPTH_MAX 32 /* directories below the root */

struct tree;

/* Reads everything below l->root, which may also be one file. NULL: it cannot be read, reported. l is borrowed. */
struct tree *tree_open(struct loader *l, bool follow);
void tree_close(struct tree *t);   /* drops all files from the catalog */
int tree_fd(const struct tree *t); /* readable when something happened; -1 when not following */
bool tree_event(struct tree *t);   /* false: nothing of what happened concerns it */
void tree_reload(struct tree *t);  /* reads all again */
/* Reads what could not be read, and what has changed where changes are not told; tree_fd may be there after it. */
void tree_retry(struct tree *t);
size_t tree_files(const struct tree *t);

#endif
