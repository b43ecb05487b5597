/*
 * The daemon, whose nftables monitor cannot join its group again while the file $FAIRLEAD_DEAF is there, as without
 * memory. The first time is at the start, where it must join.
 */
#include "cli/main.c"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

static bool is_monitor(const struct mnl_socket *socket, const void *group)
{
	int protocol = -1;
	socklen_t bytes = sizeof protocol;

	return getsockopt(mnl_socket_get_fd(socket), SOL_SOCKET, SO_PROTOCOL, &protocol, &bytes) == 0 &&
	       protocol == NETLINK_NETFILTER && *(const int *)group == NFNLGRP_NFTABLES;
}

/* Takes the place of libmnl's. */
int mnl_socket_setsockopt(const struct mnl_socket *socket, int option, void *value, socklen_t bytes)
{
	static unsigned joined;
	const char *deaf = getenv("FAIRLEAD_DEAF");

	if (option == NETLINK_ADD_MEMBERSHIP && is_monitor(socket, value) && joined++ > 0 && deaf != NULL &&
	    access(deaf, F_OK) == 0) {
		errno = ENOMEM;
		return -1;
	}
	return setsockopt(mnl_socket_get_fd(socket), SOL_NETLINK, option, value, bytes);
}
