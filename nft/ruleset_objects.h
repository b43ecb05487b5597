/*
 * Private to nft/: lists of libnftnl's sets, chains and rules, and the sizes that rules and sets share. Main thread.
 */
#ifndef NFT_RULESET_OBJECTS_H
#define NFT_RULESET_OBJECTS_H

#include <stddef.h>

struct nftnl_set;
struct nftnl_chain;
struct nftnl_rule;

#define RULESET_TRIES 16	      /* draws before slot 0 is taken: a half-full pool misses all with 2^-16 */
#define RULESET_AFFINITY_MAX 262144   /* clients recorded per family */
#define RULESET_SAME_BYTE "same-byte" /* the set of equal byte pairs */
#define RULESET_SAME_BYTES 256
#define RULESET_SAME_BYTE_KEY_BYTES 8u /* two fields of four bytes, the byte first in each */

/* Owned lists, in the order in which the kernel must get them. */
struct ruleset {
	struct nftnl_set **sets;
	struct nftnl_chain **chains;
	struct nftnl_rule **rules;
	size_t set_count, chain_count, rule_count;
	size_t set_room, chain_room, rule_room;
};

void ruleset_fini(struct ruleset *r);

#endif
