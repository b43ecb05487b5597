/*
 * The constant ruleset as libnftnl objects: sets, chains and rules that are the same on every node with the same
 * struct ruleset_config, whatever services exist. Builds and describes; nothing here talks to the kernel. Main thread.
 */
#ifndef NFT_RULESET_H
#define NFT_RULESET_H

#include <stddef.h>
#include <stdint.h>

#include "nft/ruleset_config.h"
#include "nft/ruleset_objects.h"

#define RULESET_VERSION 10 /* raise it whenever the rules or sets change */

/* `body`: what packets reach only through `hooks` (base chains and their rules). Fill zeroed structs; ruleset_fini. */
void ruleset_build(const struct ruleset_config *s, const char *table, struct ruleset *body, struct ruleset *hooks);
/* Every kind of set, chain and rule, but not for every size of pool: fits into one datagram, also in a user namespace.
 */
void ruleset_build_sample(const struct ruleset_config *s, const char *table, struct ruleset *body,
			  struct ruleset *hooks);

/* Names everything that the rules depend on, and their version: kept as comment of the table. */
#define RULESET_TEXT_BYTES 128
const char *ruleset_text(const struct ruleset_config *s, char text[RULESET_TEXT_BYTES]);

#endif
