/*
 * Session affinity: the affinity-record chains, one per family and timeout in use, made with the first element of
 * SET_AFFINITY_FRONTENDS that needs it and removed with the last; and the base chains that lead to that map, there
 * while it has elements. Private to nft/. Main thread.
 *
 * Why they come and go (measured): with them each new translated flow of any Service takes 0.3 us longer, 3 % of a
 * loopback UDP flow, and most nodes have no Service with affinity. When the last frontend with affinity loses its
 * endpoints the transaction takes 0.02 ms longer, when it is back 0.1 ms (medians).
 */
#ifndef NFT_AFFINITY_H
#define NFT_AFFINITY_H

#include "nft/table.h"
#include "nft/ruleset.h"

/* Counts one element of SET_AFFINITY_FRONTENDS that the transaction adds (+1) or deletes (-1); others are ignored. */
void affinity_count(struct nft *nft, const struct element *e, int by);
/* Chains that the transaction needs: before its elements. in_pieces: see session_piece. 0 or -errno of a piece. */
int affinity_put_new(struct nft *nft, const char *table, bool in_pieces);
/* Adds (after the former) or removes the base chains that lead to SET_AFFINITY_FRONTENDS, if that is due. */
void affinity_put_hooks(struct nft *nft, const char *table, bool add);
void affinity_put_unused(struct nft *nft); /* chains that it leaves without user: after its elements */
/* All that there is of them, as it should be: for good or for one comparison. */
void affinity_build(const struct nft *nft, struct ruleset *made);
void affinity_settle(struct nft *nft,
		     bool committed);  /* committed: what was counted is in the kernel, with its chains */
void affinity_forget(struct nft *nft); /* there is no table any more */

#endif
