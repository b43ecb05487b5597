/* Inside of nft/: reading one set. Main thread. */
#ifndef NFT_DUMP_H
#define NFT_DUMP_H

#include "nft/kernel.h"

/* Like nft_dump for a single set. */
int dump_set(struct nft *nft, enum set_id set, int family, nft_each_fn *each, void *ctx);

#endif
