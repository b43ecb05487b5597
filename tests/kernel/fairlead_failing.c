/*
 * The whole daemon on a kernel short of everything: of the datagrams to it (batches, questions) one in OFTEN fails,
 * with each of these errors in turn. A load takes fifty, reading back half as many.
 */
#include "proxy/main.c"

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
