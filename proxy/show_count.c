/* Sums connections of frontends and endpoints. */
#include "proxy/show_count.h"

bool print_count_frontend(const struct print_view *view, const struct frontend_key *key, uint64_t *connections)
{
	return view != NULL && view->frontend_count != NULL && view->frontend_count(view->ctx, key, connections);
}

/* A pool of a frontend and the kernel map that holds it. */
struct counted {
	const struct frontend_key *key;
	const struct pool *pool; /* may be NULL */
	enum set_id set;
};

static bool count_pool(const struct print_view *view, const struct counted *c, uint32_t target, uint64_t *sum)
{
	uint64_t one;
	bool known = false;

	for (uint32_t i = 0; c->pool != NULL && i < c->pool->count; i++) {
		if (c->pool->slots[i] != target || !view->slot_count(view->ctx, c->set, c->key, i, &one))
			continue;
		*sum += one;
		known = true;
	}
	return known;
}

bool print_count_target(const struct print_view *view, const struct service *s, size_t port, uint32_t target,
			uint64_t *connections)
{
	bool known = false;

	*connections = 0;
	if (view == NULL || view->slot_count == NULL)
		return false;
	for (size_t i = 0; i < s->frontend_count; i++) {
		const struct frontend *f = &s->frontends[i];
		if (f->service_port != port)
			continue;
		known |= count_pool(view, &(struct counted){&f->key, f->pool, SET_ENDPOINTS}, target, connections);
		known |= count_pool(view, &(struct counted){&f->key, f->internal, SET_INTERNAL_ENDPOINTS}, target,
				    connections);
	}
	return known;
}
