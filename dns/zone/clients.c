/* Ranges of known clients: sorted intervals, none inside another. */
#include "dns/zone/clients.h"

#include <netinet/in.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "dns/wire/wire.h"
#include "dns/zone/rcu.h"

struct range4 {
	uint32_t first, last;
};

struct range6 {
	uint8_t first[16], last[16];
};

/* Immutable: a change is a new one. */
struct ranges {
	size_t count4, count6;
	struct range4 *v4; /* behind v6, in the same block */
	struct range6 v6[];
};

struct clients {
	_Atomic(struct ranges *) ranges; /* never NULL */
};

/* ---- making ---- */

/* By first address, the larger range first: what is inside another range follows it. */
static int cidr_order(const void *a, const void *b)
{
	const struct cidr *x = a, *y = b;
	int order = addr_compare(&x->addr, &y->addr);

	return order != 0 ? order : (int)x->prefix - (int)y->prefix;
}

static void range_add(struct ranges *r, const struct cidr *c)
{
	const struct addr last = cidr_last(c);

	if (c->addr.family == AF_INET) {
		r->v4[r->count4++] = (struct range4){wire_get32(c->addr.bytes), wire_get32(last.bytes)};
	} else {
		memcpy(r->v6[r->count6].first, c->addr.bytes, 16);
		memcpy(r->v6[r->count6++].last, last.bytes, 16);
	}
}

static struct ranges *ranges_make(const struct cidr *cidrs, size_t count)
{
	struct cidr *sorted = mem_array(count + 1, sizeof *sorted);
	struct ranges *r = mem_alloc(sizeof *r + count * (sizeof *r->v6 + sizeof *r->v4));
	const struct cidr *before = NULL;

	r->v4 = (struct range4 *)(r->v6 + count);
	if (count > 0)
		memcpy(sorted, cidrs, count * sizeof *sorted);
	qsort(sorted, count, sizeof *sorted, cidr_order);
	for (size_t i = 0; i < count; i++) {
		if (before != NULL && cidr_contains(before, &sorted[i].addr))
			continue;
		before = &sorted[i];
		range_add(r, before);
	}
	free(sorted);
	return r;
}

static bool ranges_equal(const struct ranges *a, const struct ranges *b)
{
	return a->count4 == b->count4 && a->count6 == b->count6 &&
	       memcmp(a->v4, b->v4, a->count4 * sizeof *a->v4) == 0 &&
	       memcmp(a->v6, b->v6, a->count6 * sizeof *a->v6) == 0;
}

struct clients *clients_new(void)
{
	struct clients *c = mem_alloc(sizeof *c);

	c->ranges = ranges_make(NULL, 0);
	return c;
}

void clients_free(struct clients *c)
{
	if (c == NULL)
		return;
	free(c->ranges);
	free(c);
}

bool clients_set(struct clients *c, const struct cidr *ranges, size_t count)
{
	struct ranges *next = ranges_make(ranges, count);

	if (ranges_equal(next, atomic_load_explicit(&c->ranges, memory_order_relaxed))) {
		free(next);
		return false;
	}
	rcu_writer_begin();
	rcu_defer(free, atomic_exchange_explicit(&c->ranges, next, memory_order_acq_rel));
	rcu_writer_end();
	return true;
}

/* ---- looking up: the last range that begins at or before the address ---- */

static bool find4(const struct ranges *r, uint32_t addr)
{
	size_t low = 0, high = r->count4;

	while (low < high) {
		size_t middle = (low + high) / 2;
		if (r->v4[middle].first <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 && addr <= r->v4[low - 1].last;
}

static bool find6(const struct ranges *r, const uint8_t *addr)
{
	size_t low = 0, high = r->count6;

	while (low < high) {
		size_t middle = (low + high) / 2;
		if (memcmp(r->v6[middle].first, addr, 16) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 && memcmp(addr, r->v6[low - 1].last, 16) <= 0;
}

bool clients_know(const struct clients *c, const struct sockaddr *from)
{
	const struct ranges *r = atomic_load_explicit(&((struct clients *)c)->ranges, memory_order_acquire);

	if (from->sa_family == AF_INET6)
		return find6(r, ((const struct sockaddr_in6 *)from)->sin6_addr.s6_addr);
	return find4(r, ntohl(((const struct sockaddr_in *)from)->sin_addr.s_addr));
}
