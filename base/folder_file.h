/* A file in a folder that the daemon keeps (base/folder.h), read and written as a whole. Any thread. */
#ifndef BASE_FOLDER_FILE_H
#define BASE_FOLDER_FILE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The bytes with a NUL behind them that is not counted; the caller frees. NULL: *wrong says why, NULL in it when the
 * file is not there; *of_folder: the folder is what is wrong.
 */
char *folder_file_read(const char *folder, const char *name, size_t max_bytes, size_t *length, const char **wrong,
		       bool *of_folder);
/* Replaces it by renaming, without fsync: after a power loss it may be the older one. NULL, or why not. */
const char *folder_file_write(const char *folder, const char *name, const void *bytes, size_t length);

#endif
