/* Paths of manifests as texts, below the root of the folder; "" is the root itself. Pure functions. */
#ifndef WATCH_MANIFEST_MANIFEST_PATH_H
#define WATCH_MANIFEST_MANIFEST_PATH_H

#include <stdbool.h>
#include <stddef.h>

/* A name, without directories, that is read: *.yaml, *.yml, *.json; hidden ones are not. */
bool path_is_manifest(const char *name);
/* What is behind the last slash. */
const char *path_name(const char *path);
/* a/b, or the one that is not empty. From malloc. */
char *path_join(const char *a, const char *b);
/* At or below a directory. */
bool path_is_below(const char *path, const char *directory);
/* Directories above it, below the root. */
size_t path_depth(const char *path);

/* "ROOT/PATH"; the root alone when path is empty. Returns text. */
const char *path_format(char *text, size_t bytes, const char *root, const char *path);

#endif
