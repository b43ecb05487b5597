/* Reads and replaces one file of a folder. */
#include "base/folder_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/folder.h"
#include "base/mem.h"

#define NAME_BYTES 64
#define FOLDER_MODE 0700

static ssize_t read_up_to(int fd, char *to, size_t room)
{
	size_t n = 0;

	while (n < room) {
		const ssize_t got = read(fd, to + n, room - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		n += (size_t)got;
	}
	return (ssize_t)n;
}

static char *bytes_read(int fd, size_t max_bytes, size_t *length, const char **wrong)
{
	struct stat st;
	char *bytes;
	ssize_t n;

	if ((*wrong = folder_file_wrong(fd)) != NULL)
		return NULL;
	if (fstat(fd, &st) != 0 || (size_t)st.st_size > max_bytes) {
		*wrong = "it is too large";
		return NULL;
	}
	bytes = mem_alloc((size_t)st.st_size + 1);
	n = read_up_to(fd, bytes, (size_t)st.st_size);
	*length = n > 0 ? (size_t)n : 0;
	if (n >= 0)
		return bytes;
	*wrong = strerror(errno);
	free(bytes);
	return NULL;
}

char *folder_file_read(const char *folder, const char *name, size_t max_bytes, size_t *length, const char **wrong,
		       bool *of_folder)
{
	int folder_fd = folder_open(folder, FOLDER_MODE, false, wrong);
	char *bytes = NULL;

	*of_folder = folder_fd < 0;
	if (folder_fd < 0)
		return NULL;
	/* Not a link, and a FIFO that was put there does not make us wait. */
	int fd = openat(folder_fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	*wrong = fd >= 0 || errno == ENOENT ? NULL : strerror(errno);
	if (fd >= 0) {
		bytes = bytes_read(fd, max_bytes, length, wrong);
		close(fd);
	}
	close(folder_fd);
	return bytes;
}

static bool all_written(int fd, const char *bytes, size_t length)
{
	for (size_t at = 0; at < length;) {
		const ssize_t n = write(fd, bytes + at, length - at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		at += (size_t)n;
	}
	return true;
}

static bool replace(int folder_fd, const char *name, const void *bytes, size_t length)
{
	char temporary[NAME_BYTES];

	snprintf(temporary, sizeof temporary, "%s.tmp", name);
	if (unlinkat(folder_fd, temporary, 0) != 0 && errno != ENOENT)
		return false;
	int fd = openat(folder_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return false;
	bool ok = all_written(fd, bytes, length);
	ok = close(fd) == 0 && ok;
	return ok && renameat(folder_fd, temporary, folder_fd, name) == 0;
}

const char *folder_file_write(const char *folder, const char *name, const void *bytes, size_t length)
{
	const char *wrong = NULL;
	int folder_fd = folder_open(folder, FOLDER_MODE, false, &wrong);

	if (folder_fd < 0)
		return wrong;
	if (!replace(folder_fd, name, bytes, length))
		wrong = strerror(errno);
	close(folder_fd);
	return wrong;
}
