/* The whole daemon on a kernel that does not know tables with an owner (before Linux 5.12). */
#include "cli/main.c"

#include <arpa/inet.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "netlink/attrs.h"
#include "tests/kernel/onsend.h"

#define UNKNOWN_FLAG 0x40000000u

static void on_send(uint8_t *messages, size_t bytes)
{
	int left = (int)bytes;

	for (struct nlmsghdr *nlh = (void *)messages; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
		const struct nlattr *flags = NULL;
		if (nlh->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWTABLE))
			flags = attrs_find(attrs_of(nlh, sizeof(struct nfgenmsg)), NFTA_TABLE_FLAGS);
		if (flags != NULL && mnl_attr_get_u32(flags) == htonl(NFT_TABLE_F_OWNER))
			*(uint32_t *)mnl_attr_get_payload(flags) = htonl(UNKNOWN_FLAG);
	}
}
