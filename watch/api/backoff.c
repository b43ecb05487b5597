/* Computes pauses between attempts. */
#include "watch/api/backoff.h"

#define SPREAD_MS 1000

void backoff_init(struct backoff *b, uint64_t seed)
{
	*b = (struct backoff){.random = seed | 1}; /* xorshift never leaves 0 */
}

void backoff_reset(struct backoff *b)
{
	b->failures = 0;
}

/* xorshift64*: spreads nodes in time, guards nothing. */
static uint32_t random_next(struct backoff *b)
{
	b->random ^= b->random >> 12;
	b->random ^= b->random << 25;
	b->random ^= b->random >> 27;
	return (uint32_t)((b->random * 0x2545f4914f6cdd1dULL) >> 32);
}

uint32_t backoff_between(struct backoff *b, uint32_t low, uint32_t high)
{
	return low + random_next(b) % (high - low + 1);
}

uint32_t backoff_next_ms(struct backoff *b)
{
	uint32_t step_ms = 2 * BACKOFF_FIRST_MS;

	for (unsigned i = 0; i < b->failures && step_ms < BACKOFF_LIMIT_MS; i++)
		step_ms *= 2;
	if (step_ms > BACKOFF_LIMIT_MS)
		step_ms = BACKOFF_LIMIT_MS;
	b->failures++;
	return backoff_between(b, step_ms / 2, step_ms);
}

uint32_t backoff_asked_ms(struct backoff *b, uint32_t asked_ms)
{
	uint32_t own_ms = backoff_next_ms(b);

	if (asked_ms > BACKOFF_ASKED_LIMIT_MS)
		asked_ms = BACKOFF_ASKED_LIMIT_MS;
	if (asked_ms == 0)
		return own_ms;
	return asked_ms + backoff_between(b, 0, asked_ms / 4 < SPREAD_MS ? asked_ms / 4 : SPREAD_MS);
}

uint32_t backoff_silent_ms(struct backoff *b)
{
	return backoff_between(b, BACKOFF_SILENT_LOW_MS, BACKOFF_SILENT_HIGH_MS);
}
