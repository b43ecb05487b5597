/* Small files as a whole. */
#include "base/read_file.h"

#include <errno.h>
#include <fcntl.h>
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

char *read_file(const char *path, size_t max_bytes, size_t *length)
{
	int fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	struct buf b = {0};

	if (fd < 0)
		return NULL;
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
