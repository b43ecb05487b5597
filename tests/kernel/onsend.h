/*
 * For programs that see another kernel than there is: on_send, which the program defines, may change the messages on
 * their way to the kernel.
 */
#ifndef TESTS_ONSEND_H
#define TESTS_ONSEND_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>

static void on_send(uint8_t *messages, size_t bytes);

/* Takes the place of libmnl's. */
ssize_t mnl_socket_sendto(const struct mnl_socket *socket, const void *data, size_t bytes)
{
	uint8_t *copy = malloc(bytes);

	memcpy(copy, data, bytes);
	on_send(copy, bytes);
	ssize_t sent = send(mnl_socket_get_fd(socket), copy, bytes, 0);
	free(copy);
	return sent;
}

#endif
