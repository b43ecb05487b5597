/*
 * The kernel's table as a whole: reads it back and makes it right with the differences only, or loads it anew when it
 * is absent or its rules are not ours. Used at start (a restart changes nothing), after a change by another program,
 * and after a refused commit. Main thread.
 */
#ifndef PROXY_ADOPT_H
#define PROXY_ADOPT_H

#include <stddef.h>

#include "nft/nft.h"
#include "proxy/elements.h"

struct image { /* zero = empty */
	enum table_state state;
	struct element_list elements; /* empty unless TABLE_OURS */
	struct element_list want;     /* what should be there: the caller's to fill */
};

/* 0 or a negative errno; nft_error says why. */
int adopt_read(struct image *image, struct nft *nft);
/* What makes the table hold exactly `want`; sorts both lists. Returns the operations: elements to load, or differences.
 */
size_t adopt_diff(struct image *image, struct nft *nft);
int adopt_commit(const struct image *image, struct nft *nft); /* sends that: 0 or a negative errno */
void adopt_fini(struct image *image);

/* Additions and deletions into the kernel's transaction: what differences are handed out to. */
struct element_ops adopt_transaction(struct nft *nft);

#endif
