/* Choice and health of upstreams. */
#include "dns/forward/upstream.h"

#include <stdlib.h>

#include "dns/forward/stream.h"

bool upstream_is_down(const struct upstream *u)
{
	return u->fails >= UPSTREAM_FAILS;
}

bool upstreams_all_down(const struct upstreams *u)
{
	for (size_t i = 0; i < u->count; i++)
		if (!u->items[i].loops && !upstream_is_down(&u->items[i]))
			return false;
	return true;
}

static int nth(unsigned candidates, unsigned skip)
{
	while (skip-- > 0)
		candidates &= candidates - 1;
	return __builtin_ctz(candidates);
}

static int pick_among(struct upstreams *u, unsigned candidates, uint32_t random)
{
	unsigned n = (unsigned)__builtin_popcount(candidates);

	if (n == 0)
		return -1;
	if (u->policy == FORWARD_SEQUENTIAL)
		return nth(candidates, 0);
	return nth(candidates, (u->policy == FORWARD_ROUND_ROBIN ? u->next++ : random) % n);
}

int upstreams_pick(struct upstreams *u, unsigned tried, uint32_t random)
{
	unsigned good = 0, any = 0;

	for (size_t i = 0; i < u->count; i++) {
		if ((tried >> i & 1) != 0 || u->items[i].loops)
			continue;
		any |= 1U << i;
		if (!upstream_is_down(&u->items[i]))
			good |= 1U << i;
	}
	return pick_among(u, good != 0 ? good : tried == 0 ? any : 0, random);
}

void upstream_failed(struct upstream *u)
{
	u->fails++;
}

void upstream_replied(struct upstream *u)
{
	u->fails = 0;
}

struct upstreams *upstreams_hold(struct upstreams *u)
{
	u->users++;
	return u;
}

void upstreams_release(struct upstreams *u)
{
	if (u == NULL || --u->users > 0)
		return;
	for (size_t i = 0; i < u->count; i++)
		stream_free(u->items[i].stream);
	free(u);
}
