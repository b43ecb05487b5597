/* Keeps our proxy neighbour entries. */
#include "netlink/proxy_neighbours.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "base/mem.h"
#include "netlink/attrs.h"
#include "netlink/netlink.h"
#include "netlink/reconcile.h"

#define REQUEST_BYTES 256

struct found {
	struct mnl_socket *socket;
	struct proxy_neighbour *items;
	size_t count, room;
};

static struct nlmsghdr *request_start(void *room, uint16_t type, uint16_t flags, const struct proxy_neighbour *p)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(room);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	struct ndmsg *msg = mnl_nlmsg_put_extra_header(nlh, sizeof *msg);
	*msg = (struct ndmsg){.ndm_family = AF_INET6, .ndm_flags = NTF_PROXY};
	if (p == NULL)
		return nlh;
	msg->ndm_ifindex = (int)p->interface;
	msg->ndm_state = NUD_PERMANENT; /* it outlives a cable that is pulled out */
	mnl_attr_put(nlh, NDA_DST, addr_bytes(&p->addr), p->addr.bytes);
	return nlh;
}

static int request_send(struct mnl_socket *socket, struct nlmsghdr *nlh, mnl_cb_t each, void *ctx)
{
	struct netlink_list list = {
		.socket = socket, .request = nlh, .each = each, .ctx = ctx, .whatever_changes = true};

	return netlink_list(&list);
}

static int each_entry(const struct nlmsghdr *nlh, void *ctx)
{
	const struct ndmsg *msg = mnl_nlmsg_get_payload(nlh);
	struct found *f = ctx;
	uint8_t protocol = 0;

	if (nlh->nlmsg_type != RTM_NEWNEIGH || mnl_nlmsg_get_payload_len(nlh) < sizeof *msg ||
	    msg->ndm_family != AF_INET6 || (msg->ndm_flags & NTF_PROXY) == 0)
		return MNL_CB_OK;
	struct attrs attrs = attrs_of(nlh, sizeof *msg);
	attrs_number(attrs_find(attrs, NDA_PROTOCOL), &protocol, sizeof protocol);
	struct proxy_neighbour p = {.interface = (uint32_t)msg->ndm_ifindex, .addr.family = AF_INET6};
	if (protocol != PROXY_NEIGHBOURS_PROTOCOL ||
	    !attrs_number(attrs_find(attrs, NDA_DST), p.addr.bytes, sizeof p.addr.bytes))
		return MNL_CB_OK;
	f->items = mem_grow(f->items, f->count, &f->room, sizeof *f->items);
	f->items[f->count++] = p;
	return MNL_CB_OK;
}

static int entry_compare(const void *a, const void *b)
{
	const struct proxy_neighbour *x = a, *y = b;

	if (x->interface != y->interface)
		return x->interface < y->interface ? -1 : 1;
	return addr_compare(&x->addr, &y->addr);
}

static int entry_remove(void *ctx, const void *item)
{
	char room[REQUEST_BYTES] __attribute__((aligned(8)));
	struct found *f = ctx;
	int error = request_send(f->socket, request_start(room, RTM_DELNEIGH, NLM_F_ACK, item), NULL, NULL);

	return error == -ENOENT || error == -ENODEV ? 0 : error;
}

static int entry_add(void *ctx, const void *item)
{
	char room[REQUEST_BYTES] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = request_start(room, RTM_NEWNEIGH, NLM_F_ACK | NLM_F_CREATE, item);
	struct found *f = ctx;

	mnl_attr_put_u8(nlh, NDA_PROTOCOL, PROXY_NEIGHBOURS_PROTOCOL);
	return request_send(f->socket, nlh, NULL, NULL);
}

int proxy_neighbours_set(struct mnl_socket *socket, const struct proxy_neighbour *wanted, size_t count, size_t *removed)
{
	char room[REQUEST_BYTES] __attribute__((aligned(8)));
	struct found found = {.socket = socket};
	struct proxy_neighbour *sorted = mem_array(count + 1, sizeof *sorted);

	if (count > 0)
		memcpy(sorted, wanted, count * sizeof *sorted);
	int unread = request_send(socket, request_start(room, RTM_GETNEIGH, NLM_F_DUMP, NULL), each_entry, &found);
	const struct reconcile both = {.item_bytes = sizeof *sorted,
				       .compare = entry_compare,
				       .wanted = sorted,
				       .wanted_count = count,
				       .present = found.items,
				       .present_count = found.count,
				       .remove = entry_remove,
				       .add = entry_add,
				       .ctx = &found};
	int failed = reconcile(&both, removed);
	free(sorted);
	free(found.items);
	return unread != 0 ? unread : failed;
}

int proxy_neighbours_hurry(struct mnl_socket *socket, uint32_t interface)
{
	char room[REQUEST_BYTES] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(room);

	nlh->nlmsg_type = RTM_SETNEIGHTBL;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	struct ndtmsg *msg = mnl_nlmsg_put_extra_header(nlh, sizeof *msg);
	*msg = (struct ndtmsg){.ndtm_family = AF_INET6};
	mnl_attr_put_strz(nlh, NDTA_NAME, "ndisc_cache");
	struct nlattr *parms = mnl_attr_nest_start(nlh, NDTA_PARMS);
	mnl_attr_put_u32(nlh, NDTPA_IFINDEX, interface);
	mnl_attr_put_u64(nlh, NDTPA_PROXY_DELAY, 0);
	mnl_attr_nest_end(nlh, parms);
	return request_send(socket, nlh, NULL, NULL);
}
