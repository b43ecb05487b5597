/*
 * Any messages from the process that takes over, or is replaced: each line is one, its first byte the number of
 * descriptors with it. What fits is received as it was sent; the rest is refused, and leaves no descriptor open.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MESSAGES_MAX 32

static void must(bool holds)
{
	if (!holds)
		abort();
}

static size_t open_count(void)
{
	DIR *d = opendir("/proc/self/fd");
	size_t count = 0;

	must(d != NULL);
	while (readdir(d) != NULL)
		count++;
	closedir(d);
	return count;
}

static bool send_bytes(int to, const uint8_t *bytes, size_t length, size_t fd_count)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(256 * sizeof(int))];
	} control = {0};
	struct iovec iov = {(void *)(uintptr_t)bytes, length};
	struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1};

	if (fd_count != 0) {
		h.msg_control = &control;
		h.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(fd_count * sizeof(int));
		for (size_t i = 0; i < fd_count; i++)
			memcpy(CMSG_DATA(&control.head) + i * sizeof(int), &to, sizeof to);
	}
	return sendmsg(to, &h, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)length;
}

static void check(int from, const uint8_t *bytes, size_t length, size_t fd_count)
{
	struct fd_message m;
	const bool fits = length > 0 && length < FD_MESSAGE_WORD_BYTES && fd_count <= FD_MESSAGE_FDS_MAX;

	must(fd_message_receive(from, &m) == fits && memchr(m.word, '\0', sizeof m.word) != NULL);
	must(!fits || (m.fd_count == fd_count && memcmp(m.word, bytes, length) == 0 && m.word[length] == '\0'));
	must(fits || m.fd_count == 0);
	for (size_t i = 0; i < m.fd_count; i++) {
		must((fcntl(m.fds[i], F_GETFD) & FD_CLOEXEC) != 0);
		close(m.fds[i]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = data + size;
	const size_t before = open_count();
	int ends[2];

	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
	for (int i = 0; i < MESSAGES_MAX && data < end; i++) {
		const size_t fd_count = *data++;
		const uint8_t *newline = memchr(data, '\n', (size_t)(end - data)),
			      *to = newline != NULL ? newline : end;
		if (send_bytes(ends[0], data, (size_t)(to - data), fd_count))
			check(ends[1], data, (size_t)(to - data), fd_count);
		data = newline != NULL ? newline + 1 : end;
	}
	close(ends[0]);
	close(ends[1]);
	must(open_count() == before);
	return 0;
}
