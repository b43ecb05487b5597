/*
 * Changes that another program made to our table, as the kernel's notifications tell them: which parts, and who made
 * them. What is wrong afterwards is found by reading these parts back. Pure. Main thread.
 */
#ifndef NFT_EXTERNAL_CHANGES_H
#define NFT_EXTERNAL_CHANGES_H

#include <stdbool.h>
#include <stdint.h>

#include "nft/element.h"

struct nlmsghdr;

/* Parts of our table that may differ from what we know. */
struct table_parts {   /* zero: none */
	bool rules;    /* the table itself, sets, chains and rules */
	uint32_t sets; /* with their elements: bits 1 << enum set_id, both families of each */
};
#define TABLE_SETS_ALL ((1u << SET_COUNT) - 1)
#define TABLE_PARTS_ALL ((struct table_parts){.rules = true, .sets = TABLE_SETS_ALL})

static inline bool table_parts_any(const struct table_parts *p)
{
	return p->rules || p->sets != 0;
}

struct external_changes { /* zero: none */
	struct table_parts parts;
	bool lost;	  /* notifications, and the end of a transaction may be among them; then all parts */
	bool clients;	  /* of SET_AFFINITY, which is the packet path's to write; no reason to repair anything */
	bool open;	  /* the end of the last transaction (NFT_MSG_NEWGEN) is still to come */
	uint32_t pid;	  /* whose transaction that was, in the first pid namespace; 0: not known */
	char program[16]; /* its name, as the kernel keeps it */
};

/* Notes that message, when it is about our table. */
void external_changes_note(struct external_changes *c, const char *table, const struct nlmsghdr *nlh);
void external_changes_lost(struct external_changes *c);
/* There is something to repair and its transaction is complete: half of one repaired would look like two changes. */
bool external_changes_due(const struct external_changes *c);
/* What was noted is repaired; who made it stays known. */
void external_changes_clear(struct external_changes *c);

#define EXTERNAL_CHANGES_BY_BYTES 64
/* Who made the last change, in words: "nft (pid 123)". Returns text. */
const char *external_changes_by(const struct external_changes *c, char text[EXTERNAL_CHANGES_BY_BYTES]);

#endif
