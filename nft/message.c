/* Starts questions to nf_tables and tells which table a message is about. */
#include "nft/message.h"

#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>

#include "netlink/attrs.h"

bool message_is_of_table(const struct nlmsghdr *nlh, const char *table)
{
	const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);
	const char *name;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof *nfg || nfg->nfgen_family != NFPROTO_INET)
		return false;
	name = attrs_text(attrs_find(attrs_of(nlh, sizeof *nfg), 1)); /* NFTA_…_TABLE is 1 for every type */
	return name != NULL && strcmp(name, table) == 0;
}

struct nlmsghdr *message_question(void *room, uint16_t type, const char *table, const char *set)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(room);
	struct nfgenmsg *nfg;

	nlh->nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type);
	nlh->nlmsg_flags = NLM_F_REQUEST;
	nfg = mnl_nlmsg_put_extra_header(nlh, sizeof *nfg);
	nfg->nfgen_family = NFPROTO_INET;
	nfg->version = NFNETLINK_V0;
	if (table != NULL)
		mnl_attr_put_strz(nlh, 1, table); /* NFTA_…_TABLE is 1 for every type, */
	if (set != NULL)
		mnl_attr_put_strz(nlh, 2, set); /* and the set's name 2 for sets and their elements */
	return nlh;
}
