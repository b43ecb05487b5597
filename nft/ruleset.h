/*
 * The constant ruleset as libnftnl objects: sets, chains and rules that are the same on every node with the same
 * struct ruleset_config, whatever services exist. Builds and describes; nothing here talks to the kernel. Main thread.
 */
#ifndef NFT_RULESET_H
#define NFT_RULESET_H

#include <stddef.h>
#include <stdint.h>

#include "nft/ruleset_config.h"

struct nftnl_set;
struct nftnl_chain;
struct nftnl_rule;

#define RULESET_TRIES 16	      /* draws before slot 0 is taken: a half-full pool misses all with 2^-16 */
#define RULESET_AFFINITY_MAX 262144   /* clients recorded per family */
#define RULESET_SAME_BYTE "same-byte" /* the set of equal byte pairs */
#define RULESET_SAME_BYTES 256
#define RULESET_SAME_BYTE_KEY_BYTES 8u /* two fields of four bytes, the byte first in each */
#define RULESET_VERSION 8	       /* raise it whenever the rules or sets change */

/* Owned lists, in the order in which the kernel must get them. */
struct ruleset {
	struct nftnl_set **sets;
	struct nftnl_chain **chains;
	struct nftnl_rule **rules;
	size_t set_count, chain_count, rule_count;
	size_t set_room, chain_room, rule_room;
};

/* `body`: what packets reach only through `hooks` (base chains and their rules). Fill zeroed structs; ruleset_fini. */
void ruleset_build(const struct ruleset_config *s, const char *table, struct ruleset *body, struct ruleset *hooks);
/* Every kind of set, chain and rule, but not for every size of pool: fits into one datagram, also in a user namespace.
 */
void ruleset_build_sample(const struct ruleset_config *s, const char *table, struct ruleset *body,
			  struct ruleset *hooks);
void ruleset_fini(struct ruleset *r);

/* Names everything that the rules depend on, and their version: kept as comment of the table. */
#define RULESET_TEXT_BYTES 128
const char *ruleset_text(const struct ruleset_config *s, char text[RULESET_TEXT_BYTES]);

#endif
