/*
 * The whole daemon on a kernel that refuses one endpoint for good: on its way to the kernel, the value of every element
 * that sends to port REFUSED is given a wrong type.
 */
#include "proxy/main.c"

#include <stdlib.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>

#define REFUSED 6666

/* Takes the place of libmnl's. */
ssize_t mnl_socket_sendto(const struct mnl_socket *socket, const void *data, size_t bytes)
{
	/* header of NFTA_DATA_VALUE, an IPv4 address, the port, two bytes of zero */
	const uint8_t port[] = {REFUSED >> 8, REFUSED & 0xff, 0, 0};
	uint8_t *copy = malloc(bytes);

	memcpy(copy, data, bytes);
	for (size_t at = 8; at + sizeof port <= bytes; at += 4) {
		struct nlattr *value = (struct nlattr *)(void *)(copy + at - 8);
		if (memcmp(copy + at, port, sizeof port) == 0 && value->nla_len == 12 &&
		    value->nla_type == NFTA_DATA_VALUE)
			value->nla_type = NFTA_DATA_VERDICT;
	}
	ssize_t sent = send(mnl_socket_get_fd(socket), copy, bytes, 0);
	free(copy);
	return sent;
}
