/*
 * Chains and rules as text: equal texts mean equal chains and rules, whatever differs from load to load. Pure. Main
 * thread.
 */
#ifndef NFT_RULE_TEXT_H
#define NFT_RULE_TEXT_H

struct buf;
struct nftnl_chain;
struct nftnl_rule;

void ruletext_chain(struct buf *out, const struct nftnl_chain *c); /* one line: name, and hook if it has one */
void ruletext_rule(struct buf *out, struct nftnl_rule *r);	   /* one line: libnftnl's of the expressions */

#endif
