/* Notifications of foreign changes to our table. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include "nft/kernel.h"
#include "nft/netlink.h"

#define RECEIVE_BYTES 65536

/*
 * The kernel tells us of every element that we ourselves change. This filter drops what our own socket caused before
 * it is queued, so that a load of a million elements neither overflows the monitor nor wakes anybody. One buffer only
 * carries messages of one transaction, hence of one sender.
 */
static int ignore_own(int fd, uint32_t portid)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_pid)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ntohl(portid), 0, 1), /* loads are in network order */
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	struct sock_fprog program = {.len = sizeof code / sizeof code[0], .filter = code};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

int nft_monitor_open(struct nft *nft)
{
	int group = NFNLGRP_NFTABLES;

	nft->monitor = netlink_open(NETLINK_NETFILTER, SOCK_NONBLOCK);
	if (nft->monitor == NULL)
		return kernel_fail(nft, errno, "nftables monitor");
	if (ignore_own(mnl_socket_get_fd(nft->monitor), mnl_socket_get_portid(nft->socket)) < 0 ||
	    mnl_socket_setsockopt(nft->monitor, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) < 0)
		return kernel_fail(nft, errno, "nftables monitor");
	return 0;
}

int nft_monitor_fd(const struct nft *nft)
{
	return mnl_socket_get_fd(nft->monitor);
}

static bool touches(const struct nft *nft, const struct nlmsghdr *nlh)
{
	return nlh->nlmsg_pid != mnl_socket_get_portid(nft->socket) && kernel_is_of_table(nlh, nft->table);
}

bool nft_monitor_read(struct nft *nft)
{
	static char buffer[RECEIVE_BYTES];
	bool touched = false;

	for (;;) {
		ssize_t got = recv(mnl_socket_get_fd(nft->monitor), buffer, sizeof buffer, 0);
		int left = (int)got;

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == ENOBUFS) {
			touched = true; /* something was lost */
			continue;
		}
		if (got <= 0)
			return touched;
		for (struct nlmsghdr *nlh = (void *)buffer; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left))
			touched = touched || touches(nft, nlh);
	}
}
