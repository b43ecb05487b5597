/*
 * The directories that are read, and which files and directories are in each: all is found at once, however many there
 * are. The caller opens, watches and frees what they hold. Main thread.
 */
#ifndef WATCH_MANIFEST_MANIFEST_DIRS_H
#define WATCH_MANIFEST_MANIFEST_DIRS_H

#include "watch/manifest/manifest_catalog.h"

struct dir {
	char *path;	   /* below the root, "" = the root */
	int wd;		   /* inotify's; -1: not watched */
	uint64_t identity; /* device and inode */
	struct file *files;
	struct dir *dirs, *next, **at; /* in it; beside it in its parent */
};

struct dirs { /* zero = none */
	struct map by_path, by_identity, by_wd;
};

struct dir *dirs_get(const struct dirs *d, const char *path);
struct dir *dirs_of_identity(const struct dirs *d, uint64_t identity);
struct dir *dirs_of_watch(const struct dirs *d, int wd);
/* The directory that the path is in; NULL: it is not read, or the path is the root. */
struct dir *dirs_parent(const struct dirs *d, const char *path);

/* A new one, not watched. Its parent is known, but for the root. No other one has the identity. */
struct dir *dirs_add(struct dirs *d, const char *path, uint64_t identity);
void dirs_identity_set(struct dirs *d, struct dir *dir, uint64_t identity);
void dirs_watch_set(struct dirs *d, struct dir *dir, int wd);
/* Frees it; nothing is in it any more. */
void dirs_remove(struct dirs *d, struct dir *dir);
void dirs_fini(struct dirs *d);

/* dir NULL: the file is the root. */
void dir_file_add(struct dir *dir, struct file *f);
void dir_file_remove(struct file *f);

#endif
