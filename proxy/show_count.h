/* Inside of the printers: connections of a frontend and of an endpoint, where the context knows them. */
#ifndef PROXY_SHOW_COUNT_H
#define PROXY_SHOW_COUNT_H

#include "proxy/show_context.h"

bool print_count_frontend(const struct show_context *context, const struct frontend_key *key, uint64_t *connections);

/* The slots of a pool by the target they stand for, made once: a pool may have as many of both as there are. */
struct slot_index {
	uint32_t *first; /* by target: its first place in `slots`; one more at the end */
	uint32_t *slots;
};
struct slot_index slot_index_new(const struct pool *pool, uint32_t target_count);
void slot_index_free(struct slot_index *x);
static inline uint32_t slot_index_count(const struct slot_index *x, uint32_t target)
{
	return x->first[target + 1] - x->first[target];
}

/* Connections by target, over every frontend of its port and every slot that it has there. */
struct target_counts {
	size_t *base; /* by port: of its first target */
	uint64_t *sums;
	bool *known;
};
struct target_counts target_counts_new(const struct show_context *context, const struct service *s);
void target_counts_free(struct target_counts *c);
/* False: not known. */
bool target_counts_get(const struct target_counts *c, size_t port, uint32_t target, uint64_t *connections);

#endif
