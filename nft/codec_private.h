/* What both directions of nft/codec.h share. */
#ifndef NFT_CODEC_PRIVATE_H
#define NFT_CODEC_PRIVATE_H

#include "nft/codec.h"

int codec_verdict_code(const struct verdict *v); /* NF_DROP, NFT_GOTO, … */

#endif
