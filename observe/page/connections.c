/* Counts connections for the page. */
#include "observe/page/connections.h"

#include <sys/socket.h>

#include "base/clock.h"

#define LOOKED_AT_MS 10000u /* the page asks every two seconds */
#define REST_TIMES 200u	    /* of what a reading took */
#define MANY_FRONTENDS 20000u

static void add(void *ctx, const struct element *e)
{
	uint64_t *sum = ctx;

	*sum += e->packets; /* a nat chain sees the first packet of a connection only */
}

static bool has_many(struct nft *nft)
{
	uint32_t v4 = 0, v6 = 0;

	nft_count(nft, SET_DISPATCH, AF_INET, &v4);
	nft_count(nft, SET_DISPATCH, AF_INET6, &v6);
	return v4 + v6 > MANY_FRONTENDS;
}

void connections_wanted(struct connections *c, uint64_t now_ms)
{
	c->wanted_ms = now_ms;
}

void connections_sample(struct connections *c, struct nft *nft, uint64_t now_ms)
{
	const uint64_t start_ns = clock_ns();
	uint64_t sum = 0;

	if (nft == NULL || c->wanted_ms == 0 || now_ms - c->wanted_ms > LOOKED_AT_MS || now_ms < c->next_ms)
		return;
	c->many = has_many(nft);
	if (!c->many && nft_dump_set(nft, SET_DISPATCH, add, &sum) == 0)
		history_seen(&c->rate, sum, now_ms);
	c->next_ms = now_ms + (clock_ns() - start_ns) / 1000000 * REST_TIMES;
}

const char *connections_unknown(const struct connections *c)
{
	return c->many ? "not counted: more than 20 000 frontends" : "counted while this page is open";
}
