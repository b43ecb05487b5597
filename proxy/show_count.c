/* Sums connections of frontends and endpoints. */
#include "proxy/show_count.h"

#include <stdlib.h>

#include "base/mem.h"

bool print_count_frontend(const struct show_context *context, const struct frontend_key *key, uint64_t *connections)
{
	return context != NULL && context->frontend_count != NULL &&
	       context->frontend_count(context->ctx, key, connections);
}

struct slot_index slot_index_new(const struct pool *pool, uint32_t target_count)
{
	struct slot_index x = {.first = mem_array((size_t)target_count + 2, sizeof *x.first),
			       .slots = mem_array((size_t)pool->count + 1, sizeof *x.slots)};

	for (uint32_t i = 0; i < pool->count; i++)
		x.first[pool->slots[i] + 2]++;
	for (uint32_t i = 2; i < target_count + 2; i++)
		x.first[i] += x.first[i - 1];
	for (uint32_t i = 0; i < pool->count; i++)
		x.slots[x.first[pool->slots[i] + 1]++] = i;
	return x;
}

void slot_index_free(struct slot_index *x)
{
	free(x->first);
	free(x->slots);
	*x = (struct slot_index){0};
}

/* ---- connections ---- */

/* A pool of a frontend and the kernel map that holds it. */
struct counted {
	const struct frontend *frontend;
	const struct pool *pool; /* may be NULL */
	enum set_id set;
};

static void count_pool(struct target_counts *c, const struct show_context *context, const struct counted *counted)
{
	const size_t base = c->base[counted->frontend->service_port];
	const struct pool *pool = counted->pool;
	uint64_t one;

	for (uint32_t i = 0; pool != NULL && i < pool->count; i++) {
		if (!context->slot_count(context->ctx, counted->set, &counted->frontend->key, i, &one))
			continue;
		c->sums[base + pool->slots[i]] += one;
		c->known[base + pool->slots[i]] = true;
	}
}

struct target_counts target_counts_new(const struct show_context *context, const struct service *s)
{
	struct target_counts c = {.base = mem_array(s->port_count + 1, sizeof *c.base)};
	size_t targets = 0;

	for (size_t i = 0; i < s->port_count; i++) {
		c.base[i] = targets;
		targets += s->ports[i].target_count;
	}
	c.sums = mem_array(targets + 1, sizeof *c.sums);
	c.known = mem_array(targets + 1, sizeof *c.known);
	if (context == NULL || context->slot_count == NULL)
		return c;
	for (size_t i = 0; i < s->frontend_count; i++) {
		const struct frontend *f = &s->frontends[i];
		count_pool(&c, context, &(struct counted){f, f->pool, SET_ENDPOINTS});
		count_pool(&c, context, &(struct counted){f, f->internal, SET_INTERNAL_ENDPOINTS});
	}
	return c;
}

void target_counts_free(struct target_counts *c)
{
	free(c->base);
	free(c->sums);
	free(c->known);
	*c = (struct target_counts){0};
}

bool target_counts_get(const struct target_counts *c, size_t port, uint32_t target, uint64_t *connections)
{
	*connections = c->sums[c->base[port] + target];
	return c->known[c->base[port] + target];
}
