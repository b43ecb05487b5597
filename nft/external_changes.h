/*
 * What somebody else touched in our table, as the kernel's notifications tell it. Pure; works on memory only. Main
 * thread.
 */
#ifndef NFT_EXTERNAL_CHANGES_H
#define NFT_EXTERNAL_CHANGES_H

#include <stdbool.h>
#include <stdint.h>

#include <sys/socket.h>

#include "nft/element_list.h"

struct nlmsghdr;

#define TOUCHED_KEYS_MAX ELEMENT_LIST_KEPT /* asking for more keys one by one costs more than reading a set */

struct touched {	 /* zero: nothing */
	bool everything; /* sets, the table; or other things than the rest can say */
	bool lost;	 /* notifications, and the end of a transaction may be among them; then `everything` too */
	bool rules;	 /* chains, rules, flags of the table */
	bool clients;	 /* of SET_AFFINITY, which is the packet path's to write; no reason to repair anything */
	uint32_t whole;	 /* sets that are to be read whole, TOUCHED_BIT of each: ranges, and those with many keys */
	struct element_list keys; /* their values count for nothing; a key may be there several times */
	bool open;		  /* the end of the last transaction (NFT_MSG_NEWGEN) is still to come */
	uint32_t pid;		  /* whose transaction that was, in the first pid namespace; 0: not known */
	char program[16];	  /* its name, as the kernel keeps it */
};

#define TOUCHED_BY_BYTES 64

#define TOUCHED_BIT(set, family) (1u << ((unsigned)(set)*2 + ((family) == AF_INET6)))

/* Adds what that message is about, when it is about our table. */
void touched_note(struct touched *t, const char *table, const struct nlmsghdr *nlh);
void touched_lost(struct touched *t); /* nobody can tell what: everything */
void touched_add(struct touched *t, const struct element *key);
/* Who made the last change, in words: "nft (pid 123)". Stays when the rest is cleared. Returns text. */
const char *touched_by(const struct touched *t, char text[TOUCHED_BY_BYTES]);
/* Something is to be looked after, and all of that change is told: half of it repaired would look like two changes. */
bool touched_any(const struct touched *t);
bool touched_whole(const struct touched *t, enum set_id set, int family);
void touched_sort(struct touched *t); /* and each key once */
/* After touched_sort: that element's key is one of them, or in a set that is to be read whole. */
bool touched_has(const struct touched *t, const struct element *e);
void touched_clear(struct touched *t);
void touched_fini(struct touched *t);

#endif
