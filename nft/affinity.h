/*
 * The learn chains: one per family and affinity timeout in use, made with the first element of SET_STICKY that wants
 * it and removed with the last; and the base chains that lead to SET_STICKY, there while it has elements.
 * Inside of nft/. Main thread.
 */
#ifndef NFT_AFFINITY_H
#define NFT_AFFINITY_H

#include "nft/table.h"
#include "nft/ruleset.h"

/* Counts one element of SET_STICKY that the transaction adds (+1) or deletes (-1); others are ignored. */
void learn_count(struct nft *nft, const struct element *e, int by);
/* Chains that the transaction needs: before its elements. in_pieces: see session_piece. 0 or -errno of a piece. */
int learn_put_new(struct nft *nft, const char *table, bool in_pieces);
/* Adds (after the former) or removes the base chains that lead to SET_STICKY, if that is due. */
void learn_put_remember(struct nft *nft, const char *table, bool add);
void learn_put_unused(struct nft *nft); /* chains that it leaves without user: after its elements */
/* All that there is of them, as it should be: for good or for one comparison. */
void learn_build(const struct nft *nft, struct ruleset *made);
void learn_settle(struct nft *nft, bool committed); /* committed: what was counted is in the kernel, with its chains */
void learn_forget(struct nft *nft);		    /* there is no table any more */

#endif
