/*
 * A program that includes this sees the kernel as one of 5.15 in a user namespace: no "delete if it is there" (6.3), no
 * number of elements (6.16), no place of an error (5.19), no buffer beyond what an unchanged system allows. on_send has
 * to call old_send; setsockopt and recv take the place of the C library's.
 */
#ifndef TESTS_OLDKERNEL_H
#define TESTS_OLDKERNEL_H

#include <errno.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "netlink/attrs.h"
#include "tests/kernel/onsend.h"

#define OLD_BUFFER_BYTES 212992 /* net.core.wmem_max, rmem_max */
#define OLD_UNKNOWN 0x7f	/* a message and an attribute that no kernel knows */
#define OLD_DESTROYSETELEM 30
#define OLD_SET_COUNT 20

static bool old_nftables(const struct nlmsghdr *nlh, unsigned type)
{
	return nlh->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | type);
}

static void old_send(uint8_t *messages, size_t bytes)
{
	int left = (int)bytes;

	for (struct nlmsghdr *nlh = (void *)messages; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left))
		if (old_nftables(nlh, OLD_DESTROYSETELEM))
			nlh->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | OLD_UNKNOWN;
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t bytes)
{
	int least = OLD_BUFFER_BYTES;

	if (level == SOL_SOCKET && (name == SO_SNDBUFFORCE || name == SO_RCVBUFFORCE)) {
		errno = EPERM;
		return -1;
	}
	if (level == SOL_NETLINK && name == NETLINK_EXT_ACK)
		return 0;
	if (level == SOL_SOCKET && (name == SO_SNDBUF || name == SO_RCVBUF) && *(const int *)value > least)
		value = &least;
	return (int)syscall(SYS_setsockopt, fd, level, name, value, bytes);
}

static bool old_netlink(int fd)
{
	int domain = 0;
	socklen_t bytes = sizeof domain;

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &bytes) == 0 && domain == AF_NETLINK;
}

ssize_t recv(int fd, void *data, size_t room, int flags)
{
	ssize_t got = recvfrom(fd, data, room, flags, NULL, NULL);
	int left = (int)got;
	const struct nlattr *attr;

	if (got <= 0 || !old_netlink(fd))
		return got;
	for (struct nlmsghdr *nlh = data; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
		if (!old_nftables(nlh, NFT_MSG_NEWSET))
			continue;
		struct attrs attrs = attrs_of(nlh, sizeof(struct nfgenmsg));
		while ((attr = attrs_next(&attrs)) != NULL)
			if (mnl_attr_get_type(attr) == OLD_SET_COUNT)
				((struct nlattr *)(uintptr_t)attr)->nla_type = OLD_UNKNOWN;
	}
	return got;
}

#endif
