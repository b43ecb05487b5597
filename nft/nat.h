/*
 * Private to nft/: the chains that postrouting leads to. Main thread.
 */
#ifndef NFT_NAT_H
#define NFT_NAT_H

#include "nft/build.h"

void nat_build_translated(struct build *b);   /* for b->family */
void nat_build_untranslated(struct build *b); /* for both families */

#endif
