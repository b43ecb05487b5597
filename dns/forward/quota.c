/* Counts the queries of each client. */
#include "dns/forward/quota.h"

#include "base/hash.h"
#include "base/random.h"
#include "base/sock.h"
#include "dns/forward/request.h"

void quota_init(struct quota *q, uint32_t places)
{
	q->places = places;
	random_fill(&q->seed, sizeof q->seed);
}

static uint32_t read_count(const _Atomic uint32_t *count)
{
	return atomic_load_explicit((_Atomic uint32_t *)count, memory_order_relaxed);
}

static bool has_room(const struct quota *q, int place)
{
	const uint32_t taken = read_count(&q->taken), own = read_count(&q->clients[place]);

	return own < FORWARD_PENDING_PER_CLIENT && taken < q->places && own < q->places - taken;
}

void quota_keep(struct quota *q, int place)
{
	atomic_fetch_add_explicit(&q->taken, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&q->clients[place], 1, memory_order_relaxed);
}

bool quota_take_more(struct quota *q, int place)
{
	if (!has_room(q, place))
		return false;
	quota_keep(q, place);
	return true;
}

int quota_take(struct quota *q, const struct sockaddr *from)
{
	struct addr a;

	sock_parse(&a, from);
	const int place = (int)(hash_bytes(&a, sizeof a, q->seed) % QUOTA_CLIENTS);
	return quota_take_more(q, place) ? place : QUOTA_NONE;
}

void quota_give(struct quota *q, int place)
{
	if (place == QUOTA_NONE)
		return;
	atomic_fetch_sub_explicit(&q->taken, 1, memory_order_relaxed);
	atomic_fetch_sub_explicit(&q->clients[place], 1, memory_order_relaxed);
}
