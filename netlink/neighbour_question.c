/* Asks the link for an address by the kernel's neighbour table. */
#include "netlink/neighbour_question.h"

#include <stdio.h>
#include <string.h>

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "netlink/attrs.h"
#include "netlink/netlink.h"

#define REQUEST_BYTES 256
#define KNOWN (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT)

struct entry {
	uint16_t state;
	uint8_t mac[MAC_BYTES];
};

static int each_entry(const struct nlmsghdr *nlh, void *ctx)
{
	const struct ndmsg *msg = mnl_nlmsg_get_payload(nlh);
	struct entry *e = ctx;

	if (nlh->nlmsg_type == RTM_NEWNEIGH && mnl_nlmsg_get_payload_len(nlh) >= sizeof *msg) {
		e->state = msg->ndm_state;
		attrs_number(attrs_find(attrs_of(nlh, sizeof *msg), NDA_LLADDR), e->mac, sizeof e->mac);
	}
	return MNL_CB_STOP; /* a single answer has no end message */
}

static int request(struct mnl_socket *socket, uint16_t type, uint16_t flags, const struct ndmsg *ndm,
		   const struct addr *addr, struct entry *entry)
{
	char room[REQUEST_BYTES] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(room);
	struct netlink_list list = {
		.socket = socket, .request = nlh, .each = entry != NULL ? each_entry : NULL, .ctx = entry};

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	struct ndmsg *msg = mnl_nlmsg_put_extra_header(nlh, sizeof *msg);
	*msg = *ndm;
	msg->ndm_family = addr->family;
	mnl_attr_put(nlh, NDA_DST, addr_bytes(addr), addr->bytes);
	return netlink_list(&list);
}

static struct entry look(struct mnl_socket *socket, uint32_t interface, const struct addr *addr)
{
	const struct ndmsg at = {.ndm_ifindex = (int)interface};
	struct entry e = {0};

	if (request(socket, RTM_GETNEIGH, 0, &at, addr, &e) != 0)
		e.state = NUD_FAILED;
	return e;
}

void neighbour_forget(struct mnl_socket *socket, uint32_t interface, const struct addr *addr)
{
	const struct ndmsg at = {.ndm_ifindex = (int)interface};

	if ((look(socket, interface, addr).state & NUD_PERMANENT) == 0)
		request(socket, RTM_DELNEIGH, NLM_F_ACK, &at, addr, NULL); /* fails where there is none */
}

int neighbour_ask(struct mnl_socket *socket, uint32_t interface, const struct addr *addr)
{
	const struct ndmsg ask = {.ndm_ifindex = (int)interface, .ndm_flags = NTF_USE};

	neighbour_forget(socket, interface, addr);
	return request(socket, RTM_NEWNEIGH, NLM_F_ACK | NLM_F_CREATE, &ask, addr, NULL);
}

enum neighbour_answer neighbour_answer(struct mnl_socket *socket, uint32_t interface, const struct addr *addr,
				       uint8_t mac[MAC_BYTES])
{
	struct entry e = look(socket, interface, addr);

	memcpy(mac, e.mac, sizeof e.mac);
	if ((e.state & KNOWN) != 0)
		return NEIGHBOUR_PRESENT;
	return (e.state & NUD_INCOMPLETE) != 0 ? NEIGHBOUR_ASKED : NEIGHBOUR_ABSENT;
}

const char *mac_format(const uint8_t mac[MAC_BYTES], char text[MAC_TEXT_BYTES])
{
	snprintf(text, MAC_TEXT_BYTES, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
	return text;
}
