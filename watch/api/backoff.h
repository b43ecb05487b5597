/*
 * How long to wait before trying again. After a refusal: exponential with jitter, 0.2 s doubling to at most 30 s
 * (client-go's reflector: 0.8 to 30 s), so that a node fleet neither hammers nor storms an API server. After silence:
 * always about a second, since it costs the server nothing. A value; no clock inside.
 */
#ifndef WATCH_API_BACKOFF_H
#define WATCH_API_BACKOFF_H

#include <stdint.h>

#define BACKOFF_FIRST_MS 200
#define BACKOFF_LIMIT_MS 30000
#define BACKOFF_ASKED_LIMIT_MS 300000 /* a Retry-After beyond this is cut: a broken clock must not silence a node */

#define BACKOFF_SILENT_LOW_MS 600
#define BACKOFF_SILENT_HIGH_MS 900

struct backoff {
	uint64_t random;   /* state of the generator; backoff_init seeds it */
	unsigned failures; /* in a row */
};

void backoff_init(struct backoff *b, uint64_t seed);
void backoff_reset(struct backoff *b);
/* Counts a failure; the wait in ms: random between half of and the whole doubled step, never below 0.2 s. */
uint32_t backoff_next_ms(struct backoff *b);
/* The same when the server asked for a wait (Retry-After): never sooner, up to a quarter and a second later. */
uint32_t backoff_asked_ms(struct backoff *b, uint32_t asked_ms);
/* The wait when nothing answered; counts no failure. */
uint32_t backoff_silent_ms(struct backoff *b);
/* A random number in low…high, from the same generator. */
uint32_t backoff_between(struct backoff *b, uint32_t low, uint32_t high);

#endif
