/* Folders that the daemon keeps files in, and who else may write to them. */
#include "base/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static const char *owner_wrong(const struct stat *st)
{
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return "it belongs to another user";
	return (st->st_mode & (S_IWGRP | S_IWOTH)) != 0 ? "other users may write to it" : NULL;
}

const char *folder_wrong(const struct stat *st, bool sticky)
{
	if (!S_ISDIR(st->st_mode))
		return "it is not a folder";
	return sticky && (st->st_mode & S_ISVTX) != 0 ? NULL : owner_wrong(st);
}

int folder_open(const char *path, mode_t mode, bool sticky, const char **wrong)
{
	struct stat st;
	int unmade = mkdir(path, mode) < 0 && errno != EEXIST ? errno : 0;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0) {
		errno = unmade != 0 ? unmade : errno;
		*wrong = strerror(errno);
		return -1;
	}
	*wrong = fstat(fd, &st) == 0 ? folder_wrong(&st, sticky) : strerror(errno);
	if (*wrong == NULL)
		return fd;
	close(fd);
	errno = EPERM;
	return -1;
}

const char *folder_file_wrong(int fd)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return strerror(errno);
	return S_ISREG(st.st_mode) ? owner_wrong(&st) : "it is not a file";
}
