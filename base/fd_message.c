/* Sends and receives words with descriptors. */
#include "base/fd_message.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define TEMPORARY ".new"

static bool path_set(struct sockaddr_un *name, const char *path, const char *suffix)
{
	*name = (struct sockaddr_un){.sun_family = AF_UNIX};
	int length = snprintf(name->sun_path, sizeof name->sun_path, "%s%s", path, suffix);

	if (length > 0 && (size_t)length < sizeof name->sun_path)
		return true;
	errno = ENAMETOOLONG;
	return false;
}

static int close_keep_errno(int fd)
{
	const int saved = errno;

	close(fd);
	errno = saved;
	return -1;
}

int fd_message_connect(const char *path)
{
	struct sockaddr_un name;

	if (!path_set(&name, path, ""))
		return -1;
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	return connect(fd, (struct sockaddr *)&name, sizeof name) == 0 ? fd : close_keep_errno(fd);
}

int fd_message_listen(const char *path)
{
	struct sockaddr_un name;

	if (!path_set(&name, path, TEMPORARY))
		return -1;
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	unlink(name.sun_path);
	mode_t old = umask(0177);
	int bad = bind(fd, (struct sockaddr *)&name, sizeof name);
	umask(old);
	if (bad == 0 && listen(fd, 4) == 0 && rename(name.sun_path, path) == 0)
		return fd;
	return close_keep_errno(fd);
}

static bool is_trusted(int fd)
{
	struct ucred peer;
	socklen_t bytes = sizeof peer;

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &bytes) == 0 && (peer.uid == 0 || peer.uid == geteuid());
}

int fd_message_accept(int listen_fd)
{
	int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0 || is_trusted(fd))
		return fd;
	close(fd);
	return -1;
}

void fd_message_limit(int fd, unsigned limit_ms)
{
	const struct timeval limit = {.tv_sec = limit_ms / 1000, .tv_usec = (suseconds_t)(limit_ms % 1000) * 1000};

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

union control {
	struct cmsghdr head;
	char room[CMSG_SPACE(FD_MESSAGE_FDS_MAX * sizeof(int))];
};

bool fd_message_send(int fd, const char *word, const int *fds, size_t fd_count)
{
	union control control = {0};
	struct iovec iov = {(void *)(size_t)word, strlen(word)};
	struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1};

	if (fd_count > 0) {
		h.msg_control = &control;
		h.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(fd_count * sizeof(int));
		memcpy(CMSG_DATA(&control.head), fds, fd_count * sizeof(int));
	}
	return sendmsg(fd, &h, MSG_NOSIGNAL) == (ssize_t)iov.iov_len;
}

static void take_fds(struct msghdr *h, struct fd_message *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c != NULL; c = CMSG_NXTHDR(h, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(m->fds + m->fd_count, CMSG_DATA(c), count * sizeof(int));
		m->fd_count += count;
	}
}

void fd_message_close(struct fd_message *m)
{
	const int saved = errno;

	while (m->fd_count > 0)
		close(m->fds[--m->fd_count]);
	errno = saved;
}

bool fd_message_receive(int fd, struct fd_message *m)
{
	union control control = {0};
	struct iovec iov = {m->word, sizeof m->word - 1};
	struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
	ssize_t got;

	*m = (struct fd_message){0};
	errno = 0;
	do
		got = recvmsg(fd, &h, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got >= 0) /* an empty message may bring some */
		take_fds(&h, m);
	if (got > 0 && (h.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0)
		return true;
	fd_message_close(m);
	return false;
}
