/*
 * Room below the memory target: a Service whose newest version needs more than there is stays at its last good version
 * (quarantine.h), so that the process, with what the kernel keeps for it, never reaches the limit at which it is
 * killed. What is used is asked for at most once a turn; what was admitted since then is added. While `used` does not
 * answer, what Services grew or shrank since its last answer is added: a comparison and a transaction end with their
 * turn. Main thread.
 */
#ifndef PROXY_MEMORY_TARGET_H
#define PROXY_MEMORY_TARGET_H

#include <stdbool.h>
#include <stdint.h>

struct memory_target {
	uint64_t target_bytes; /* 0: none */
	uint64_t limit_bytes;  /* at least the target */
	bool (*used)(void *ctx, uint64_t *bytes);
	void *ctx;
	/* zero at first */
	bool asked;		/* in this turn */
	uint64_t asked_ms;	/* when */
	uint64_t used_bytes;	/* then */
	uint64_t planned_bytes; /* admitted since, and before in the same turn */
	uint64_t turn_bytes;	/* admitted in this turn: nothing of it is used yet */
	int64_t grown;		/* elements more, or less, since then */
	int64_t turn_grown;	/* and in this turn */
	bool untold;		/* `used` did not answer, which is logged once */
	/* Set by the caller: of what was admitted, what is on its way for longer than a turn. */
	uint64_t reserved_bytes;
};

/*
 * What a Service needs whose element count (budget.h) goes from `before` to `after`: to compare both versions, and for
 * what is new the memory of daemon and kernel, and that of the transaction. Measured with 25 000 to 250 000 elements:
 * 170 bytes an element stay in the kernel, 120 in the daemon; a load of n takes 510 to 630 n at its peak.
 */
uint64_t memory_need(uint64_t before, uint64_t after);

/* A new turn: what is used may be asked for again. */
void memory_target_turn(struct memory_target *m);
/*
 * Takes what such a change needs from the room. False: it does not fit, and *left_bytes says what does. Half of the
 * room between target and limit is for small needs, and for changes that do not grow: the one that fills the rest must
 * not keep out the small Services of others. A small change that does not grow always fits.
 */
bool memory_target_admit(struct memory_target *m, uint64_t before, uint64_t after, uint64_t now_ms,
			 uint64_t *left_bytes);

/* Counts what such a change needs, whether it fits or not. The caller tells of its elements apart. */
void memory_target_take(struct memory_target *m, uint64_t before, uint64_t after);

/* A Service has so many elements more, or less, than before. */
void memory_target_grown(struct memory_target *m, uint64_t before, uint64_t after);

#endif
