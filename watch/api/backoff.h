/*
 * How long to wait before trying again: exponential with jitter, 0.8 s doubling to at most 30 s, as client-go's
 * reflector does, so that a node fleet neither hammers nor storms an API server. A value; no clock inside.
 */
#ifndef WATCH_API_BACKOFF_H
#define WATCH_API_BACKOFF_H

#include <stdint.h>

#define BACKOFF_FIRST_MS 800
#define BACKOFF_LIMIT_MS 30000
#define BACKOFF_ASKED_LIMIT_MS 300000 /* a Retry-After beyond this is cut: a broken clock must not silence a node */

struct backoff {
	uint64_t random;   /* state of the generator; backoff_init seeds it */
	unsigned failures; /* in a row */
};

void backoff_init(struct backoff *b, uint64_t seed);
void backoff_reset(struct backoff *b);
/* Counts a failure; the wait in ms: random between half of and the whole doubled step, never below 0.8 s. */
uint32_t backoff_next_ms(struct backoff *b);
/* The same when the server asked for a wait (Retry-After): never sooner, up to a second later. */
uint32_t backoff_asked_ms(struct backoff *b, uint32_t asked_ms);
/* A random number in low…high, from the same generator. */
uint32_t backoff_between(struct backoff *b, uint32_t low, uint32_t high);

#endif
