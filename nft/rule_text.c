/* Prints chains and rules as text to compare. */
#include "nft/rule_text.h"

#include <libnftnl/chain.h>
#include <libnftnl/rule.h>

#include "base/buf.h"

void ruletext_chain(struct buf *out, const struct nftnl_chain *c)
{
	const char *type = nftnl_chain_get_str(c, NFTNL_CHAIN_TYPE);

	buf_printf(out, "%s %s", nftnl_chain_get_str(c, NFTNL_CHAIN_NAME), type != NULL ? type : "");
	if (nftnl_chain_is_set(c, NFTNL_CHAIN_HOOKNUM))
		buf_printf(out, " hook %u priority %d policy %u", nftnl_chain_get_u32(c, NFTNL_CHAIN_HOOKNUM),
			   nftnl_chain_get_s32(c, NFTNL_CHAIN_PRIO), nftnl_chain_get_u32(c, NFTNL_CHAIN_POLICY));
	buf_puts(out, "\n");
}

void ruletext_rule(struct buf *out, struct nftnl_rule *r)
{
	char text[16384]; /* a rule with RULESET_CIDRS_MAX ranges takes half of it */

	nftnl_rule_unset(r, NFTNL_RULE_HANDLE);
	nftnl_rule_unset(r, NFTNL_RULE_POSITION);
	nftnl_rule_snprintf(text, sizeof text, r, NFTNL_OUTPUT_DEFAULT, 0);
	buf_printf(out, "%s\n", text);
}
