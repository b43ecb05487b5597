/*
 * Inside of nft/: the chains that choose an endpoint, by a random number, by the client's address, or as the last
 * time; pick-S and pick-internal-S and what they go to. Main thread.
 */
#ifndef NFT_PICK_H
#define NFT_PICK_H

#include "nft/build.h"

void pick_build(struct build *b); /* for b->family */
/* The rules that end a chain with a pick as `v` (VERDICT_PICK or VERDICT_PICK_INTERNAL) says. */
void pick_put(struct build *b, const struct verdict *v);

#endif
