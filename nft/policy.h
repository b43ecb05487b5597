/*
 * Private to nft/: the chains between a frontend and its pool that depend on the client: cluster-S and external-S
 * (masquerade or not) and by-source (source ranges, externalTrafficPolicy Local). Main thread.
 */
#ifndef NFT_POLICY_H
#define NFT_POLICY_H

#include "nft/build.h"

void policy_build(struct build *b); /* for b->family; after pick_build */

#endif
