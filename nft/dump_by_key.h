/*
 * Inside of nft/: reading a large endpoint map by key. For every message of a dump the kernel walks the hash table
 * from its beginning (nft_rhash_walk skips what it has shown), so a dump costs the square of the map: 7 s at 360 000
 * elements. The verdicts tell which keys there are: frontend . 0 … S-1, filled from the start. Main thread.
 */
#ifndef NFT_DUMP_BY_KEY_H
#define NFT_DUMP_BY_KEY_H

#include "nft/element_list.h"
#include "nft/table.h"

#define SLOTS_MANY 50000u /* elements from which on asking for keys is cheaper than a dump */

/* Notes a dumped verdict that picks a slot; other elements are ignored. */
struct slots_frontends {
	struct element_list of[2]; /* whose slots are in SET_ENDPOINTS, in SET_INTERNAL_ENDPOINTS */
};
void slots_note(struct slots_frontends *f, const struct element *e);
void slots_fini(struct slots_frontends *f);

/*
 * Calls `each` for every element of an endpoint map in element order. False, and `each` was not called: the map is
 * small, the kernel does not tell its size, or it has other elements than the verdicts know of. Then dump it.
 */
bool slots_read(struct nft *nft, const struct slots_frontends *f, enum set_id set, int family, nft_each_fn *each,
		void *ctx);

#endif
