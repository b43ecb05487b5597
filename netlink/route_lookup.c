/* Asks the kernel for one route. */
#include "netlink/route_lookup.h"

#include <string.h>

#include <linux/rtnetlink.h>

#include "netlink/attrs.h"
#include "netlink/netlink.h"

#define QUESTION_BYTES 256

static int each_route(const struct nlmsghdr *nlh, void *ctx)
{
	const struct rtmsg *msg = mnl_nlmsg_get_payload(nlh);
	struct route_answer *a = ctx;

	if (nlh->nlmsg_type != RTM_NEWROUTE || mnl_nlmsg_get_payload_len(nlh) < sizeof *msg)
		return MNL_CB_OK;
	struct attrs attrs = attrs_of(nlh, sizeof *msg);
	a->local = msg->rtm_type == RTN_LOCAL;
	a->gateway = attrs_find(attrs, RTA_GATEWAY) != NULL || attrs_find(attrs, RTA_VIA) != NULL;
	attrs_number(attrs_find(attrs, RTA_OIF), &a->interface, sizeof a->interface);
	return MNL_CB_STOP;
}

int route_lookup(struct mnl_socket *socket, const struct route_question *q, struct route_answer *a)
{
	char room[QUESTION_BYTES] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(room);
	struct rtmsg *msg = mnl_nlmsg_put_extra_header(nlh, sizeof *msg);
	const struct netlink_list question = {.socket = socket, .request = nlh, .each = each_route, .ctx = a};

	*a = (struct route_answer){0};
	nlh->nlmsg_type = RTM_GETROUTE;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	msg->rtm_family = q->to.family;
	msg->rtm_dst_len = (uint8_t)(8 * addr_bytes(&q->to));
	mnl_attr_put(nlh, RTA_DST, addr_bytes(&q->to), q->to.bytes);
	if (q->from.family == q->to.family) {
		msg->rtm_src_len = msg->rtm_dst_len;
		mnl_attr_put(nlh, RTA_SRC, addr_bytes(&q->from), q->from.bytes);
	}
	if (q->came_in_on != 0)
		mnl_attr_put_u32(nlh, RTA_IIF, q->came_in_on);
	return netlink_list(&question);
}
