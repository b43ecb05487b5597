/*
 * A netlink batch: messages that nf_tables commits together or not at all, in one growing buffer. Grows without
 * limit; the sender knows what the socket takes. Main thread.
 */
#ifndef NFT_BATCH_H
#define NFT_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nft/element.h"

struct nftnl_set;
struct nftnl_chain;
struct nftnl_rule;
struct nlmsghdr;
struct ruleset;

enum batch_op {
	BATCH_ADD,
	BATCH_DEL,
	BATCH_DESTROY, /* delete if it is there: Linux 6.3 */
};

struct batch { /* zero: not begun */
	uint8_t *data;
	size_t used, room;
	uint32_t first_seq, next_seq;
	size_t list; /* offset of the open element message, 0: none */
	size_t nest; /* offset of its list of elements */
	enum batch_op list_op;
	uint8_t list_set;
	int list_family;
	size_t messages; /* without begin and end */
	bool alone;	 /* may be set at any time: from then on no element shares a message */
};

void batch_begin(struct batch *b, uint32_t seq);
void batch_end(struct batch *b);   /* now data and used can be sent */
void batch_close(struct batch *b); /* the same without the end: to be checked only */
void batch_fini(struct batch *b);

void batch_table(struct batch *b, bool add, const char *table, const char *comment);
void batch_table_owned(struct batch *b, const char *table);   /* anew: the socket's, and gone when it is closed */
void batch_table_wake(struct batch *b, const char *table);    /* takes its flags away, "dormant" above all */
void batch_set(struct batch *b, struct nftnl_set *s);	      /* and the elements it carries */
void batch_set_replace(struct batch *b, struct nftnl_set *s); /* its elements, all of them; the set is there */
void batch_chain(struct batch *b, bool add, struct nftnl_chain *c);
void batch_rule(struct batch *b, bool add, struct nftnl_rule *r); /* without a handle: deletes all of its chain */
void batch_ruleset(struct batch *b, const struct ruleset *r);
/* Neighbours of one set share a message, unless `alone`. */
void batch_element(struct batch *b, const char *table, enum batch_op op, const struct element *e, bool with_counter);

/* The message with that number; NULL: none. */
const struct nlmsghdr *batch_find(const struct batch *b, uint32_t seq);

#endif
