/* Small files as a whole: what a command's flags name. Any thread. */
#ifndef BASE_READ_FILE_H
#define BASE_READ_FILE_H

#include <stddef.h>
#include <sys/stat.h>

/*
 * The bytes of a file, with a NUL behind them that is not counted; the caller frees. "-" is standard input. NULL: errno
 * says why, EFBIG when there are more than `max_bytes`. Waits for a pipe to end.
 */
char *read_file(const char *path, size_t max_bytes, size_t *length);
/*
 * As read_file, for a file that a running daemon reads again: it is a regular one, or is not opened. A pipe would make
 * the thread wait, and opening a device may do something. errno EISDIR, ENOTSUP: it is a folder, something else.
 */
char *read_regular_file(const char *path, size_t max_bytes, size_t *length);
/* A descriptor for reading; -1: errno, as above. *st is zero where it is not known. */
int open_regular_file(const char *path, struct stat *st);
/* Why that failed, in words. */
const char *read_file_reason(int error);

#endif
