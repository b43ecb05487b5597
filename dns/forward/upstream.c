/* Choice and health of upstreams. */
#include "dns/forward/upstream.h"

static bool is_aside(const struct upstream *u)
{
	return u->fails >= UPSTREAM_FAILS;
}

static bool is_good(const struct upstream *u, uint64_t now_ms)
{
	return !is_aside(u) || now_ms >= u->retry_at_ms;
}

bool upstreams_all_aside(const struct upstreams *u)
{
	for (size_t i = 0; i < u->count; i++)
		if (!is_aside(&u->items[i]))
			return false;
	return true;
}

static int pick_among(unsigned candidates, uint32_t random)
{
	unsigned n = (unsigned)__builtin_popcount(candidates);

	if (n == 0)
		return -1;
	for (unsigned skip = random % n; skip > 0; skip--)
		candidates &= candidates - 1;
	return __builtin_ctz(candidates);
}

int upstreams_pick(struct upstreams *u, unsigned tried, uint64_t now_ms, uint32_t random)
{
	unsigned good = 0, any = 0;

	for (size_t i = 0; i < u->count; i++) {
		if ((tried >> i & 1) != 0)
			continue;
		any |= 1U << i;
		if (is_good(&u->items[i], now_ms))
			good |= 1U << i;
	}
	int at = pick_among(good != 0 ? good : tried == 0 ? any : 0, random);
	if (at >= 0 && is_aside(&u->items[at])) /* this question is the probe, others wait for its end */
		u->items[at].retry_at_ms = now_ms + UPSTREAM_ASIDE_MS;
	return at;
}

void upstream_failed(struct upstream *u, uint64_t now_ms)
{
	u->fails++;
	u->retry_at_ms = now_ms + UPSTREAM_ASIDE_MS;
}

void upstream_replied(struct upstream *u)
{
	u->fails = 0;
}
