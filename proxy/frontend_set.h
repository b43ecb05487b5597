/*
 * A set of frontends that something happened to, kept until the kernel's memory of them is looked through. Keys are
 * copied. Main thread.
 */
#ifndef PROXY_FRONTEND_SET_H
#define PROXY_FRONTEND_SET_H

#include <stdbool.h>

#include "base/map.h"
#include "service/service.h"

struct frontend_set { /* all zero = empty */
	struct map keys;
};

void frontend_set_add(struct frontend_set *k, const struct frontend_key *key);
/* Adds the frontends of prev (NULL: none) that next (NULL: deleted) does not have. */
void frontend_set_add_gone(struct frontend_set *k, const struct service *prev, const struct service *next);
/*
 * Adds the frontends of next that are split into inside and outside, and were not or not there in prev (or NULL), or
 * had an endpoint for outside that is for inside only now.
 */
void frontend_set_add_narrowed(struct frontend_set *k, const struct service *prev, const struct service *next);
bool frontend_set_has(const struct frontend_set *k, const struct frontend_key *key);
void frontend_set_fini(struct frontend_set *k); /* leaves it empty, ready to use */

#endif
