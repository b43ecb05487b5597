/* Does this kernel have all that the ruleset needs? */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "netlink/attrs.h"
#include "nft/table.h"
#include "nft/ruleset.h"

static const struct {
	const char *expression, *option;
} options[] = {
	{"ct", "CONFIG_NFT_CT"},   {"hash", "CONFIG_NFT_HASH"},	    {"masq", "CONFIG_NFT_MASQ"},
	{"nat", "CONFIG_NFT_NAT"}, {"numgen", "CONFIG_NFT_NUMGEN"}, {"reject", "CONFIG_NFT_REJECT_INET"},
};

static const char *option_of(const char *expression)
{
	for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
		if (strcmp(options[i].expression, expression) == 0)
			return options[i].option;
	return "CONFIG_NF_TABLES";
}

/* The expression of the refused rule that the kernel pointed at; "" when it did not. */
static const char *refused_expression(const struct nft *nft, const struct nlmsghdr *nlh)
{
	const struct nlattr *list = attrs_find(attrs_of(nlh, sizeof(struct nfgenmsg)), NFTA_RULE_EXPRESSIONS);
	struct attrs elems = attrs_in(list);
	const struct nlattr *elem, *name;

	while ((elem = attrs_next(&elems)) != NULL) {
		size_t from = (size_t)((const uint8_t *)elem - (const uint8_t *)nlh);

		name = attrs_find(attrs_in(elem), NFTA_EXPR_NAME);
		if (name != NULL && nft->session.error_offset >= from &&
		    nft->session.error_offset < from + elem->nla_len)
			return mnl_attr_get_str(name);
	}
	return "";
}

static const char *missing_option(const struct nft *nft)
{
	const struct nlmsghdr *nlh = batch_find(&nft->session.batch, nft->session.error_seq);

	if (nlh == NULL)
		return "CONFIG_NF_TABLES";
	switch (nlh->nlmsg_type & 0xff) {
	case NFT_MSG_NEWTABLE:
		return "CONFIG_NF_TABLES_INET";
	case NFT_MSG_NEWCHAIN:
		return "CONFIG_NFT_NAT"; /* the chain type */
	case NFT_MSG_NEWSET:
		return nft->config.counters ? "CONFIG_NFT_COUNTER" : "CONFIG_NF_TABLES"; /* built in since 5.17 */
	case NFT_MSG_NEWRULE:
		return option_of(refused_expression(nft, nlh));
	default:
		return "CONFIG_NF_TABLES";
	}
}

int nft_probe(struct nft *nft)
{
	struct ruleset body = {0}, hooks = {0};
	char table[TABLE_NAME_BYTES], refused[SESSION_ERROR_BYTES];
	struct utsname kernel;
	int error;

	snprintf(table, sizeof table, "%.48s-probe", nft->table);
	ruleset_build_sample(&nft->config, table, &body, &hooks);
	nft->session.error_seq = nft->session.error_offset = 0;
	session_begin(&nft->session);
	batch_table(&nft->session.batch, true, table, NULL);
	batch_ruleset(&nft->session.batch, &body);
	batch_ruleset(&nft->session.batch, &hooks);
	error = session_try(&nft->session);
	ruleset_fini(&body);
	ruleset_fini(&hooks);
	if (error == 0)
		return 0;
	if (error == -EPERM)
		return error;
	uname(&kernel);
	snprintf(refused, sizeof refused, "%s", nft->session.error);
	snprintf(nft->session.error, sizeof nft->session.error, "Linux %s may lack %s: %.400s", kernel.release,
		 missing_option(nft), refused);
	return error;
}
