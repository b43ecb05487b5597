/*
 * A growing list of elements. Its owner calls element_list_fini.
 * Main thread.
 */
#ifndef NFT_ELEMENT_LIST_H
#define NFT_ELEMENT_LIST_H

#include <stddef.h>
#include <stdint.h>

#include "nft/element.h"

/* A cleared list keeps memory for so many, 400 KB: a large change must not cost a node memory for ever. */
#define ELEMENT_LIST_KEPT 4096u

struct element_list { /* zero = empty, ready to use */
	struct element *items;
	size_t count, room;
};

void element_list_add(struct element_list *l, const struct element *e);
void element_list_clear(struct element_list *l);
void element_list_sort(struct element_list *l); /* by element_compare */
/*
 * By the group that a table gives to each element_kind; within a group the order stays. Linear. starts[g]: where group
 * g begins, with the end of the last one behind it.
 */
void element_list_group(struct element_list *l, const uint8_t group[SET_COUNT * 2], uint32_t starts[SET_COUNT * 2 + 1]);
void element_list_unique(struct element_list *l); /* of a sorted list, the first with each key stays */
void element_list_fini(struct element_list *l);	  /* leaves a zeroed struct */

#endif
