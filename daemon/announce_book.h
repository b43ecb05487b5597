/*
 * What is to be done next about each announced address, and when: ask whether another machine has it, then tell the
 * network, three times. Pure: the kernel and the clock are the caller's. Main thread.
 */
#ifndef DAEMON_ANNOUNCE_BOOK_H
#define DAEMON_ANNOUNCE_BOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

#define ANNOUNCE_START_MS 1	 /* until the first one: the kernel has all that are new by then */
#define ANNOUNCE_TIMES 3	 /* frames are lost, and nothing confirms them */
#define ANNOUNCE_GAP_MS 1000	 /* between them */
#define ANNOUNCE_ASK_MS 1200	 /* for an answer: time for two questions of the kernel */
#define ANNOUNCE_SPREAD_MS 800	 /* and up to this: two machines that begin together hear the first one's claim */
#define ANNOUNCE_LOOK_MS 20	 /* between looks for it */
#define ANNOUNCE_AGAIN_MS 10000	 /* until an address that another machine has is asked for again */
#define ANNOUNCE_WAIT_MS 1000	 /* where nothing could be asked */
#define ANNOUNCE_IDLE UINT64_MAX /* nothing is due */

enum announced_state {
	ANNOUNCED_NEW,	 /* to be asked for */
	ANNOUNCED_ASKED, /* the answer is to be looked for */
	ANNOUNCED_OURS,	 /* the kernel answers for it; to be told `left` times more */
	ANNOUNCED_TAKEN, /* another machine has it */
};

struct announced {
	struct addr addr;
	uint8_t state; /* enum announced_state */
	uint8_t left;
	bool was_taken;		 /* and was told; until it is ours */
	uint8_t mac[6];		 /* whose it was, or is */
	uint64_t asked_until_ms; /* silence until then: it is ours */
	uint64_t due_ms;	 /* ANNOUNCE_IDLE: never */
};

struct announce_book {		 /* zero: empty */
	struct announced *items; /* sorted by address */
	size_t count;
};

/*
 * These addresses and no others, sorted. One that is new is asked for first, unless it is among `present`, sorted: an
 * earlier process announced it, and the kernel still answers for it.
 */
void announce_book_set(struct announce_book *b, const struct addr *wanted, size_t count, const struct addr *present,
		       size_t present_count, uint64_t now_ms);
/* The network may have forgotten: all of ours are told again. */
void announce_book_again(struct announce_book *b, uint64_t now_ms);
/* The first address that something is due for; NULL with *wait_ms (or ANNOUNCE_IDLE): nothing is yet. */
struct announced *announce_book_due(const struct announce_book *b, uint64_t now_ms, uint64_t *wait_ms);
/* NULL: not in the book. */
const struct announced *announce_book_find(const struct announce_book *b, const struct addr *addr);
/* No address waits for its first answer. */
bool announce_book_settled(const struct announce_book *b);
size_t announce_book_ours(const struct announce_book *b);
void announce_book_fini(struct announce_book *b); /* leaves it empty */

/* What came of it. */
void announced_wait(struct announced *a, uint64_t now_ms); /* nothing could be asked now */
void announced_ask(struct announced *a, uint64_t now_ms);  /* the question is out */
/* Not answered yet. True: this is long enough, it is ours now. */
bool announced_silent(struct announced *a, uint64_t now_ms);
void announced_ours(struct announced *a, uint64_t now_ms);
/* True: that is new. */
bool announced_taken(struct announced *a, const uint8_t mac[6], uint64_t now_ms);
void announced_told(struct announced *a, uint64_t now_ms);

#endif
