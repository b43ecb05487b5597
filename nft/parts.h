/*
 * Private to nft/: a transaction that is sent in parts (nft_tx_take). Main thread.
 *
 * The order is one in which every packet finds a right answer at any moment: what is new and nothing points to yet
 * (endpoints first, the frontend's verdict last), then replacements, each whole, then what nothing points to any more
 * (the verdict first). Ranges that overlap replace each other; more than 64 do not do so at once: the old ones are
 * deleted first of all. A replacement that the socket does not take at once (a user namespace) is sent in pieces,
 * deletions first.
 */
#ifndef NFT_PARTS_H
#define NFT_PARTS_H

#include "nft/table.h"

struct nft_parts;

/* Remembered clients time out by themselves: one that did must not make the whole transaction fail. */
static inline bool parts_may_be_gone(const struct element *e)
{
	return e->set == SET_AFFINITY;
}

void parts_put_addition(struct nft *nft, const struct element *e);
void parts_put_deletion(struct nft *nft, const struct element *e);
/*
 * Into the batch that was begun, in pieces that any socket takes: at most so many elements, and fewer when the kernel
 * takes its time, unless it is SIZE_MAX. The last piece is committed.
 */
int parts_send(struct nft *nft, struct nft_parts *p, size_t most);

#endif
