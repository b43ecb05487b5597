/*
 * The whole daemon on a kernel short of everything: of the datagrams to it (batches, questions) one in OFTEN fails,
 * with each of these errors in turn; and so does one reading in OFTEN, before there is anything to read: a signal, or
 * a socket that was full. A load takes fifty, reading back half as many.
 */
#include "cli/main.c"

#include <errno.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>

#define OFTEN 61

/* Takes the place of libmnl's. */
ssize_t mnl_socket_sendto(const struct mnl_socket *socket, const void *data, size_t bytes)
{
	static const int errors[] = {EINTR, ENOMEM, ENOBUFS, EINTR, EAGAIN, EBUSY};
	static unsigned sent, failed;

	if (sent++ % OFTEN == OFTEN - 1) {
		errno = errors[failed++ % (sizeof errors / sizeof errors[0])];
		return -1;
	}
	return send(mnl_socket_get_fd(socket), data, bytes, 0);
}

/* …and of the C library's. */
ssize_t recv(int fd, void *data, size_t room, int flags)
{
	static const int errors[] = {EINTR, ENOBUFS};
	static unsigned read, failed;
	int domain = 0;
	socklen_t bytes = sizeof domain;

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &bytes) == 0 && domain == AF_NETLINK &&
	    read++ % OFTEN == OFTEN - 1) {
		errno = errors[failed++ % (sizeof errors / sizeof errors[0])];
		return -1;
	}
	return recvfrom(fd, data, room, flags, NULL, NULL);
}
