/*
 * What the kernel has under our table's name. Inside of nft/. Main thread.
 */
#ifndef NFT_COMPARE_H
#define NFT_COMPARE_H

#include <stdbool.h>
#include <stdint.h>

struct nft;

struct table_seen {
	bool found;
	bool ours;	/* made by a process with the same ruleset */
	uint32_t flags; /* NFT_TABLE_F_…: ours has none */
};

int table_see(struct nft *nft, struct table_seen *seen); /* 0 or -errno */

#endif
