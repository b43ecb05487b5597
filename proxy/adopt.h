/*
 * The kernel's table as a whole: reads it back and makes it right with the differences only, or loads it anew when it
 * is absent or its rules are not ours. Used at start (a restart changes nothing), after a foreign change, and after a
 * refused commit. Main thread.
 */
#ifndef PROXY_ADOPT_H
#define PROXY_ADOPT_H

#include <stddef.h>

#include "nft/nft.h"
#include "proxy/elements.h"

struct image { /* zero = empty */
	enum table_state state;
	struct element_list elements; /* empty unless TABLE_OURS */
};

/* 0 or a negative errno; nft_error says why. */
int adopt_read(struct image *image, struct nft *nft);
/*
 * Makes the table hold exactly `want`; both lists are sorted by it. *operations: elements loaded or differences sent.
 * 0 or a negative errno; then the table is as it was.
 */
int adopt_fix(struct image *image, struct nft *nft, struct element_list *want, size_t *operations);
void adopt_fini(struct image *image);

/* Additions and deletions into the kernel's transaction: what differences are handed out to. */
struct element_ops adopt_transaction(struct nft *nft);

#endif
