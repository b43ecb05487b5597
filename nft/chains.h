/*
 * The chains of a table by name, as the kernel has them and as they should be: texts, so that neither handles nor the
 * order of the chains count (one that was made anew comes last). Inside of nft/. Main thread.
 */
#ifndef NFT_CHAINS_H
#define NFT_CHAINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/map.h"

struct nft;
struct ruleset;

struct chain_side {
	bool exists;
	struct buf chain, rules; /* nft/rule_text.h */
};

struct chain {
	char *name;
	struct chain_side is, should;
};

struct chains { /* zero: none */
	struct map by_name;
};

void chains_fini(struct chains *c);
struct chain *chains_next(const struct chains *c, size_t *at); /* NULL at the end; *at starts at 0 */
/* That is how they should be; for each chain once. */
void chains_want(struct chains *c, const struct ruleset *r);
int chains_read(struct chains *c, struct nft *nft); /* as they are; 0 or -errno */

bool chain_has_right_hook(const struct chain *c); /* …type and policy */
bool chain_has_right_rules(const struct chain *c);

#endif
