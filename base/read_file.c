/* Small files as a whole. */
#include "base/read_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"

#define PIECE_BYTES 65536

static int read_all(int fd, size_t max_bytes, struct buf *b)
{
	char piece[PIECE_BYTES];
	ssize_t n;

	while ((n = read(fd, piece, sizeof piece)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		if (b->length_bytes + (size_t)n > max_bytes)
			return EFBIG;
		buf_add(b, piece, (size_t)n);
	}
	return 0;
}

static char *read_whole(int fd, size_t max_bytes, size_t *length)
{
	struct buf b = {0};
	int reason = read_all(fd, max_bytes, &b);
	if (fd != STDIN_FILENO)
		close(fd);
	buf_puts(&b, "");
	*length = b.length_bytes;
	if (reason == 0)
		return b.data;
	buf_fini(&b);
	errno = reason;
	return NULL;
}

char *read_file(const char *path, size_t max_bytes, size_t *length)
{
	int fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);

	return fd >= 0 ? read_whole(fd, max_bytes, length) : NULL;
}

/* What the descriptor stands for cannot be another file any more. */
static int reopen(int found, const char *path)
{
	char self[sizeof "/proc/self/fd/" + 12];
	const int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
	int fd;

	snprintf(self, sizeof self, "/proc/self/fd/%d", found);
	fd = open(self, flags);
	return fd < 0 && errno == ENOENT ? open(path, flags) : fd; /* there is no /proc */
}

int open_regular_file(const char *path, struct stat *st)
{
	int found = open(path, O_PATH | O_CLOEXEC), fd = -1;

	*st = (struct stat){0};
	if (found < 0)
		return -1;
	if (fstat(found, st) == 0) {
		errno = S_ISDIR(st->st_mode) ? EISDIR : ENOTSUP;
		fd = S_ISREG(st->st_mode) ? reopen(found, path) : -1;
	}
	int reason = errno;
	close(found);
	errno = reason;
	return fd;
}

char *read_regular_file(const char *path, size_t max_bytes, size_t *length)
{
	struct stat st;
	int fd = open_regular_file(path, &st);

	return fd >= 0 ? read_whole(fd, max_bytes, length) : NULL;
}

const char *read_file_reason(int error)
{
	return error == ENOTSUP ? "it is not a regular file" : strerror(error);
}
