/* Reads one interface with its networks, and hears of changes. */
#include "netlink/lan_interface.h"

#include <errno.h>
#include <string.h>

#include <linux/if.h>
#include <linux/rtnetlink.h>

#include "netlink/attrs.h"
#include "netlink/netlink.h"

#define RECEIVE_BYTES 32768
#define REQUEST_BYTES 128

static int each_link(const struct nlmsghdr *nlh, void *ctx)
{
	struct lan_interface *i = ctx;

	rt_link_read(nlh, &i->link);
	return MNL_CB_STOP; /* a single answer has no end message */
}

static int link_read(struct mnl_socket *asking, const char *name, struct lan_interface *i)
{
	char room[REQUEST_BYTES] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(room);
	struct netlink_list list = {.socket = asking, .request = nlh, .each = each_link, .ctx = i};

	nlh->nlmsg_type = RTM_GETLINK;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	int error = netlink_list(&list);
	return error == -ENODEV ? 0 : error;
}

static void forget_networks(void *ctx)
{
	((struct lan_interface *)ctx)->network_count = 0;
}

static int each_address(const struct nlmsghdr *nlh, void *ctx)
{
	struct lan_interface *i = ctx;
	struct rt_address a;

	if (!rt_address_read(nlh, &a) || a.interface != i->link.interface || a.scope != RT_SCOPE_UNIVERSE ||
	    a.tentative || a.prefix >= 8 * addr_bytes(&a.addr) || i->network_count == LAN_NETWORKS_MAX)
		return MNL_CB_OK;
	const struct cidr network = cidr_network(&a.addr, a.prefix);
	for (size_t k = 0; k < i->network_count; k++)
		if (memcmp(&i->networks[k], &network, sizeof network) == 0)
			return MNL_CB_OK;
	i->networks[i->network_count++] = network;
	return MNL_CB_OK;
}

static int networks_read(struct mnl_socket *asking, struct lan_interface *i)
{
	char room[REQUEST_BYTES] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(room);
	struct netlink_list list = {
		.socket = asking, .request = nlh, .each = each_address, .restart = forget_networks, .ctx = i};

	nlh->nlmsg_type = RTM_GETADDR;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifaddrmsg));
	return netlink_list(&list);
}

int lan_interface_read(struct mnl_socket *asking, const char *name, struct lan_interface *i)
{
	*i = (struct lan_interface){0};
	int error = link_read(asking, name, i);
	if (error == 0 && i->link.interface != 0)
		error = networks_read(asking, i);
	return error;
}

struct mnl_socket *lan_interface_listen(void)
{
	static const int groups[] = {RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR};
	struct mnl_socket *socket = netlink_open(NETLINK_ROUTE, SOCK_NONBLOCK);

	for (size_t i = 0; socket != NULL && i < sizeof groups / sizeof *groups; i++) {
		int group = groups[i];

		if (mnl_socket_setsockopt(socket, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) < 0) {
			mnl_socket_close(socket);
			return NULL;
		}
	}
	return socket;
}

bool lan_interface_heard(struct mnl_socket *listening)
{
	static char buffer[RECEIVE_BYTES] __attribute__((aligned(8)));
	bool heard = false;

	for (;;) {
		ssize_t got = recv(mnl_socket_get_fd(listening), buffer, sizeof buffer, 0);

		if (got < 0 && errno != EINTR && errno != ENOBUFS)
			return heard;
		heard = heard || got > 0 || (got < 0 && errno == ENOBUFS); /* something was lost */
		if (got == 0)
			return heard;
	}
}
