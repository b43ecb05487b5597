/* Reads addresses, links and default routes from rtnetlink messages. */
#include "netlink/route_message.h"

#include <linux/if_addr.h>
#include <linux/if_arp.h>
#include <linux/rtnetlink.h>

#include "netlink/attrs.h"

static bool attr_addr(const struct nlattr *attr, int family, struct addr *a)
{
	*a = (struct addr){.family = (uint8_t)family};
	if (attr == NULL || mnl_attr_get_payload_len(attr) != addr_bytes(a)) {
		a->family = 0;
		return false;
	}
	memcpy(a->bytes, mnl_attr_get_payload(attr), addr_bytes(a));
	return true;
}

bool rt_address_read(const struct nlmsghdr *nlh, struct rt_address *a)
{
	const struct ifaddrmsg *msg = mnl_nlmsg_get_payload(nlh);
	struct attrs attrs = attrs_of(nlh, sizeof *msg);

	if ((nlh->nlmsg_type != RTM_NEWADDR && nlh->nlmsg_type != RTM_DELADDR) ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof *msg || (msg->ifa_family != AF_INET && msg->ifa_family != AF_INET6))
		return false;
	*a = (struct rt_address){.interface = msg->ifa_index,
				 .prefix = msg->ifa_prefixlen,
				 .scope = msg->ifa_scope,
				 .secondary = msg->ifa_flags & (IFA_F_SECONDARY | IFA_F_DEPRECATED),
				 .tentative = msg->ifa_flags & IFA_F_TENTATIVE};
	/* IFA_ADDRESS is the peer's on a point-to-point link. */
	return (attr_addr(attrs_find(attrs, IFA_LOCAL), msg->ifa_family, &a->addr) ||
		attr_addr(attrs_find(attrs, IFA_ADDRESS), msg->ifa_family, &a->addr)) &&
	       a->prefix <= 8 * addr_bytes(&a->addr);
}

bool rt_link_read(const struct nlmsghdr *nlh, struct rt_link *l)
{
	const struct ifinfomsg *msg = mnl_nlmsg_get_payload(nlh);

	if (nlh->nlmsg_type != RTM_NEWLINK || mnl_nlmsg_get_payload_len(nlh) < sizeof *msg || msg->ifi_index <= 0)
		return false;
	struct attrs attrs = attrs_of(nlh, sizeof *msg);
	*l = (struct rt_link){.interface = (uint32_t)msg->ifi_index,
			      .up = msg->ifi_flags & IFF_UP,
			      .carrier = msg->ifi_flags & IFF_LOWER_UP};
	attrs_number(attrs_find(attrs, IFLA_MASTER), &l->master, sizeof l->master);
	l->ethernet = msg->ifi_type == ARPHRD_ETHER && (msg->ifi_flags & IFF_NOARP) == 0 &&
		      attrs_number(attrs_find(attrs, IFLA_ADDRESS), l->mac, sizeof l->mac);
	return true;
}

static bool is_default(const struct rtmsg *msg)
{
	return msg->rtm_dst_len == 0 && msg->rtm_table == RT_TABLE_MAIN && msg->rtm_type == RTN_UNICAST &&
	       (msg->rtm_family == AF_INET || msg->rtm_family == AF_INET6);
}

/* Of a route with several next hops the first stands for all. */
static void first_hop(const struct nlattr *hops, int family, struct rt_default *r)
{
	const struct rtnexthop *hop = mnl_attr_get_payload(hops);
	const uint8_t *bytes = mnl_attr_get_payload(hops);
	struct attrs attrs;

	if (mnl_attr_get_payload_len(hops) < sizeof *hop || mnl_attr_get_payload_len(hops) < hop->rtnh_len)
		return;
	attrs = (struct attrs){bytes + sizeof *hop, bytes + hop->rtnh_len};
	r->interface = (uint32_t)hop->rtnh_ifindex;
	attr_addr(attrs_find(attrs, RTA_GATEWAY), family, &r->gateway);
}

bool rt_default_read(const struct nlmsghdr *nlh, struct rt_default *r)
{
	const struct rtmsg *msg = mnl_nlmsg_get_payload(nlh);
	struct attrs attrs = attrs_of(nlh, sizeof *msg);
	const struct nlattr *hops = attrs_find(attrs, RTA_MULTIPATH);

	if ((nlh->nlmsg_type != RTM_NEWROUTE && nlh->nlmsg_type != RTM_DELROUTE) ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof *msg || !is_default(msg))
		return false;
	*r = (struct rt_default){.family = msg->rtm_family};
	attrs_number(attrs_find(attrs, RTA_PRIORITY), &r->metric, sizeof r->metric);
	attrs_number(attrs_find(attrs, RTA_OIF), &r->interface, sizeof r->interface);
	attr_addr(attrs_find(attrs, RTA_PREFSRC), msg->rtm_family, &r->source);
	attr_addr(attrs_find(attrs, RTA_GATEWAY), msg->rtm_family, &r->gateway);
	if (hops != NULL)
		first_hop(hops, msg->rtm_family, r);
	return true;
}
