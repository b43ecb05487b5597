/* Small files as a whole: what a command's flags name. Any thread. */
#ifndef BASE_READ_FILE_H
#define BASE_READ_FILE_H

#include <stddef.h>

/*
 * The bytes of a file, with a NUL behind them that is not counted; the caller frees. "-" is standard input. NULL: errno
 * says why, EFBIG when there are more than `max_bytes`. Waits for a pipe to end.
 */
char *read_file(const char *path, size_t max_bytes, size_t *length);

#endif
