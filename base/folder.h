/* Folders that the daemon keeps files in. Any thread. */
#ifndef BASE_FOLDER_H
#define BASE_FOLDER_H

#include <stdbool.h>
#include <sys/stat.h>

/*
 * Whether other users could put their own files in place of ours there (owner neither root nor us; writable for group
 * or others). NULL, or why not to be trusted. sticky: a folder like /tmp is fine, since only owners can replace a file.
 */
const char *folder_wrong(const struct stat *st, bool sticky);

/*
 * Makes it with `mode` when it is absent, opens and checks it. The descriptor for openat, or -1: *wrong says why, errno
 * too (EPERM when it is not to be trusted).
 */
int folder_open(const char *path, mode_t mode, bool sticky, const char **wrong);

/* An open file is a regular one that root or we own and no other user may write; NULL, or what it is instead. */
const char *folder_file_wrong(int fd);

#endif
