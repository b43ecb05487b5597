/* Keeps our routes of type local. */
#include "netlink/local_routes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/rtnetlink.h>

#include "base/mem.h"
#include "netlink/attrs.h"
#include "netlink/netlink.h"
#include "netlink/reconcile.h"

#define LOOPBACK_INDEX 1 /* in every network namespace */
#define REQUEST_BYTES 256

struct local_routes {
	struct mnl_socket *socket;
	uint8_t protocol;
	struct local_route *found;
	size_t found_count, found_room;
	bool is_local; /* the answer of local_routes_hold */
};

struct local_routes *local_routes_open(enum local_routes_protocol protocol)
{
	struct mnl_socket *socket = netlink_open(NETLINK_ROUTE, 0);

	if (socket == NULL)
		return NULL;
	struct local_routes *r = mem_alloc(sizeof *r);
	r->socket = socket;
	r->protocol = (uint8_t)protocol;
	return r;
}

void local_routes_close(struct local_routes *r)
{
	if (r == NULL)
		return;
	mnl_socket_close(r->socket);
	free(r->found);
	free(r);
}

/* ---- messages ---- */

static void put_addr(struct nlmsghdr *nlh, uint16_t type, const struct addr *a)
{
	mnl_attr_put(nlh, type, addr_bytes(a), a->bytes);
}

static struct rtmsg *request_start(void *room, uint16_t type, uint16_t flags, int family)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(room);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	struct rtmsg *msg = mnl_nlmsg_put_extra_header(nlh, sizeof *msg);
	*msg = (struct rtmsg){.rtm_family = (unsigned char)family};
	return msg;
}

static int request_send(struct local_routes *r, void *room, mnl_cb_t each)
{
	struct netlink_list list = {.socket = r->socket, .request = room, .each = each, .ctx = r};

	return netlink_list(&list);
}

/* A change of one route: its acknowledgement is the answer. */
static int route_change(struct local_routes *r, uint16_t type, uint16_t flags, const struct local_route *route)
{
	char room[REQUEST_BYTES] __attribute__((aligned(8)));
	struct rtmsg *msg = request_start(room, type, (uint16_t)(NLM_F_ACK | flags), route->to.family);

	msg->rtm_dst_len = (unsigned char)(8 * addr_bytes(&route->to));
	msg->rtm_table = RT_TABLE_LOCAL;
	msg->rtm_type = RTN_LOCAL;
	msg->rtm_scope = RT_SCOPE_HOST;
	msg->rtm_protocol = r->protocol;
	put_addr((void *)room, RTA_DST, &route->to);
	mnl_attr_put_u32((void *)room, RTA_OIF, LOOPBACK_INDEX);
	if (route->source.family == route->to.family)
		put_addr((void *)room, RTA_PREFSRC, &route->source);
	return request_send(r, room, NULL);
}

static bool read_addr(const struct nlattr *attr, int family, struct addr *a)
{
	*a = (struct addr){.family = (uint8_t)family};
	if (attr != NULL && mnl_attr_get_payload_len(attr) == addr_bytes(a)) {
		memcpy(a->bytes, mnl_attr_get_payload(attr), addr_bytes(a));
		return true;
	}
	*a = (struct addr){0};
	return false;
}

static int each_route(const struct nlmsghdr *nlh, void *ctx)
{
	const struct rtmsg *msg = mnl_nlmsg_get_payload(nlh);
	struct local_routes *r = ctx;
	struct local_route route;

	if (nlh->nlmsg_type != RTM_NEWROUTE || mnl_nlmsg_get_payload_len(nlh) < sizeof *msg ||
	    msg->rtm_protocol != r->protocol || msg->rtm_type != RTN_LOCAL ||
	    (msg->rtm_family != AF_INET && msg->rtm_family != AF_INET6))
		return MNL_CB_OK;
	struct attrs attrs = attrs_of(nlh, sizeof *msg);
	if (!read_addr(attrs_find(attrs, RTA_DST), msg->rtm_family, &route.to) ||
	    msg->rtm_dst_len != 8 * addr_bytes(&route.to))
		return MNL_CB_OK;
	read_addr(attrs_find(attrs, RTA_PREFSRC), msg->rtm_family, &route.source);
	r->found = mem_grow(r->found, r->found_count, &r->found_room, sizeof *r->found);
	r->found[r->found_count++] = route;
	return MNL_CB_OK;
}

static int read_ours(struct local_routes *r, int family)
{
	char room[REQUEST_BYTES] __attribute__((aligned(8)));

	request_start(room, RTM_GETROUTE, NLM_F_DUMP, family)->rtm_table = RT_TABLE_LOCAL;
	struct netlink_list list = {
		.socket = r->socket, .request = (void *)room, .each = each_route, .ctx = r, .whatever_changes = true};

	return netlink_list(&list);
}

/* ---- the module ---- */

static int each_answer(const struct nlmsghdr *nlh, void *ctx)
{
	const struct rtmsg *msg = mnl_nlmsg_get_payload(nlh);
	struct local_routes *r = ctx;

	r->is_local = nlh->nlmsg_type == RTM_NEWROUTE && mnl_nlmsg_get_payload_len(nlh) >= sizeof *msg &&
		      msg->rtm_type == RTN_LOCAL;
	return MNL_CB_STOP; /* a single answer has no end message */
}

bool local_routes_hold(struct local_routes *r, const struct addr *to)
{
	char room[REQUEST_BYTES] __attribute__((aligned(8)));

	request_start(room, RTM_GETROUTE, 0, to->family)->rtm_dst_len = (unsigned char)(8 * addr_bytes(to));
	put_addr((void *)room, RTA_DST, to);
	r->is_local = false;
	return request_send(r, room, each_answer) == 0 && r->is_local;
}

int local_routes_list(struct local_routes *r, const struct local_route **list, size_t *count)
{
	r->found_count = 0;
	int error = read_ours(r, AF_INET);
	if (error == 0)
		error = read_ours(r, AF_INET6);
	*list = r->found;
	*count = r->found_count;
	return error;
}

static int route_compare(const void *a, const void *b)
{
	const struct local_route *x = a, *y = b;
	int order = addr_compare(&x->to, &y->to);

	return order != 0 ? order : addr_compare(&x->source, &y->source);
}

static int route_remove(void *ctx, const void *item)
{
	int error = route_change(ctx, RTM_DELROUTE, 0, item);

	return error == -ESRCH ? 0 : error;
}

static int route_add(void *ctx, const void *item)
{
	const struct local_route *route = item;

	if (local_routes_hold(ctx, &route->to))
		return 0;
	int error = route_change(ctx, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, route);
	return error == -EEXIST ? 0 : error;
}

int local_routes_set(struct local_routes *r, const struct local_route *wanted, size_t count, size_t *removed)
{
	const struct local_route *present;
	size_t present_count;
	struct local_route *sorted = mem_array(count + 1, sizeof *sorted);

	if (count > 0)
		memcpy(sorted, wanted, count * sizeof *sorted);
	int unread = local_routes_list(r, &present, &present_count);
	const struct reconcile both = {.item_bytes = sizeof *sorted,
				       .compare = route_compare,
				       .wanted = sorted,
				       .wanted_count = count,
				       .present = r->found,
				       .present_count = present_count,
				       .remove = route_remove,
				       .add = route_add,
				       .ctx = r};
	int failed = reconcile(&both, removed);
	free(sorted);
	return unread != 0 ? unread : failed;
}
