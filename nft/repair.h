/*
 * Private to nft/: chains and rules of the table that are not as they should be, found when the table is read and put
 * right by the next transaction, before its elements. Only chains that differ are written anew: for each chain that
 * comes to use a verdict or endpoint map the kernel walks all of its elements, 8 ms for 100 000. Main thread.
 */
#ifndef NFT_REPAIR_H
#define NFT_REPAIR_H

#include "nft/chains.h"
#include "nft/ruleset_objects.h"

struct nft;

struct repair {
	uint32_t flags; /* of the table: ours has none */
	struct chains chains;
	struct ruleset body, hooks; /* hooks: with the chains that come and go (nft/affinity.h) */
};

/* Compares; takes body and hooks over. NULL with 0: nothing to do, or *other: not worth a way of its own. */
int repair_find(struct nft *nft, uint32_t flags, struct ruleset *body, struct ruleset *hooks, struct repair **found,
		bool *other);
size_t repair_count(const struct repair *r); /* chains that differ; NULL: 0 */
/* Into the batch. in_pieces: see session_piece. 0 or -errno of a piece. */
int repair_put(struct nft *nft, const struct repair *r, bool in_pieces);
void repair_free(struct repair *r); /* NULL is fine */

#endif
