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
#include "service/compile.h"

struct image { /* zero = empty */
	enum table_state state;
	uint32_t sets;		      /* that were read back, as bits; all of them unless TABLE_OURS */
	struct element_list elements; /* of these sets; TABLE_OTHER: keys of SET_DISPATCH */
	struct element_list want;     /* what should be in these sets: the caller's to fill */
};

/* 0 or a negative errno; nft_error says why. */
int adopt_read(struct image *image, struct nft *nft, const struct table_parts *parts);
/* About how many elements the image has at the addresses of a Service. */
size_t adopt_count(const struct image *image, const struct compile_input *in);
/* Puts into the transaction what makes the sets hold exactly `want`; sorts both lists. */
void adopt_diff(struct image *image, struct nft *nft);
/* Elements to load, or operations of the transaction. */
size_t adopt_operations(const struct image *image, const struct nft *nft);
int adopt_commit(const struct image *image, struct nft *nft); /* 0 or a negative errno */
void adopt_fini(struct image *image);

/* Into the transaction; ctx is struct nft. */
void adopt_del(void *ctx, const struct element *e);
void adopt_add(void *ctx, const struct element *e);

#endif
