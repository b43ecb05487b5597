/* Rules of kube-proxy in this network namespace. */
#include "netlink/other_proxy.h"

#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "base/buf.h"
#include "netlink/attrs.h"
#include "netlink/netlink.h"

/* kubelet makes chains named KUBE-… too (KUBE-FIREWALL, KUBE-KUBELET-CANARY, KUBE-IPTABLES-HINT). */
static bool is_of_iptables_mode(const char *chain)
{
	static const char *const prefixes[] = {"KUBE-SVC-", "KUBE-SEP-", "KUBE-EXT-"};

	for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++)
		if (strncmp(chain, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return strcmp(chain, "KUBE-SERVICES") == 0;
}

static int each_chain(const struct nlmsghdr *nlh, void *ctx)
{
	struct attrs attrs = attrs_of(nlh, sizeof(struct nfgenmsg));
	const char *table = attrs_text(attrs_find(attrs, NFTA_CHAIN_TABLE));
	const char *chain = attrs_text(attrs_find(attrs, NFTA_CHAIN_NAME));
	unsigned *found = ctx;

	if (table != NULL && strcmp(table, "kube-proxy") == 0)
		*found |= OTHER_PROXY_NFTABLES;
	if (chain != NULL && is_of_iptables_mode(chain))
		*found |= OTHER_PROXY_IPTABLES;
	return MNL_CB_OK;
}

unsigned other_proxy_find(void)
{
	char request[64] __attribute__((aligned(8)));
	unsigned found = if_nametoindex("kube-ipvs0") != 0 ? OTHER_PROXY_IPVS : 0;
	struct netlink_list list = {.socket = netlink_open(NETLINK_NETFILTER, 0),
				    .request = mnl_nlmsg_put_header(request),
				    .each = each_chain,
				    .ctx = &found,
				    .whatever_changes = true};

	if (list.socket == NULL)
		return found;
	list.request->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETCHAIN;
	list.request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	struct nfgenmsg *all = mnl_nlmsg_put_extra_header(list.request, sizeof *all);
	*all = (struct nfgenmsg){.nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0};
	netlink_list(&list); /* what came before an error counts */
	mnl_socket_close(list.socket);
	return found;
}

void other_proxy_format(struct buf *out, unsigned found)
{
	static const char *const modes[] = {"nftables mode", "iptables mode", "IPVS mode"};
	const char *comma = "";

	for (unsigned i = 0; i < sizeof modes / sizeof modes[0]; i++) {
		if ((found & 1u << i) == 0)
			continue;
		buf_printf(out, "%s%s", comma, modes[i]);
		comma = ", ";
	}
}
