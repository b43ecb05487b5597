/*
 * Changes that another program made to our table, as the kernel's notifications tell them: that there was one, and who
 * made it. What is wrong afterwards is found by reading the table back. Pure. Main thread.
 */
#ifndef NFT_EXTERNAL_CHANGES_H
#define NFT_EXTERNAL_CHANGES_H

#include <stdbool.h>
#include <stdint.h>

struct nlmsghdr;

struct external_changes { /* zero: none */
	bool any;
	bool lost;	  /* notifications, and the end of a transaction may be among them; then `any` too */
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
