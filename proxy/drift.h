/*
 * Foreign hands in our table: what they touched, when it is repaired, and with which operations. One touched key costs
 * one question to the kernel, whatever the size of the table; what cannot be said in keys is for adopt.h.
 *
 * Somebody who changes again soon after a repair finds us slower and slower: a fight would be worse than the damage.
 * Main thread.
 */
#ifndef PROXY_DRIFT_H
#define PROXY_DRIFT_H

#include "nft/nft.h"
#include "proxy/elements.h"

#define DRIFT_PAUSE_LAST_MS 5000u

struct drift { /* zero = nobody was there */
	struct touched touched;
	struct element_list have, want; /* under the touched keys */
	size_t mended;			/* operations on chains and rules, done by drift_read */
	bool waits;			/* for its repair */
	bool slow_told;			/* that repairs slow down */
	uint64_t pause_ms;		/* before a repair; 0: quiet so far */
	uint64_t due_ms;		/* of the repair that waits */
	uint64_t repaired_ms;		/* the last repair */
};

void drift_fini(struct drift *d);
/* Something was touched. */
void drift_notice(struct drift *d, uint64_t now_ms);
/*
 * How long a transaction, not before earliest_ms anyway, has to wait for the repair that goes with it. One with changes
 * of our own waits only where a repair costs more than to ask for some keys: somebody who fights with us for one
 * element must not hold up all others.
 */
uint64_t drift_wait(const struct drift *d, uint64_t earliest_ms, uint64_t now_ms, bool own_changes);
/* The repair is over. True, once: somebody keeps changing. */
bool drift_repaired(struct drift *d, uint64_t now_ms, size_t operations);

/*
 * Puts touched chains and rules right, which elements may refer to, and reads what the kernel has under the touched
 * keys. 0 or a negative errno: read the whole table then.
 */
int drift_read(struct drift *d, struct nft *nft);
/* What should be there: of the owners of the touched frontends, and of the ranges that belong to none. */
void drift_want(struct drift *d, const struct owners *owners, const struct element_list *ranges);
/* Whole sets of services' elements were touched: then `want` is what drift_keep leaves of everything. */
bool drift_wants_everything(const struct drift *d);
void drift_keep(const struct drift *d, struct element_list *l, size_t from); /* of those from there on, the touched */
/*
 * Hands out what makes the touched keys right, and of `changes` what is about other keys: those know what was sent, not
 * what a foreign hand made of it. *operations: of both. Returns those of the repair, with what was mended.
 */
size_t drift_flush(struct drift *d, struct changes *changes, const struct element_ops *ops, size_t *operations);

#endif
