/*
 * Compiled services to elements, and differences between sets of elements. Pure but for the memory of the lists;
 * what is to be done with a difference is the caller's (usually nft_tx_del and nft_tx_add). Main thread.
 */
#ifndef PROXY_ELEMENTS_H
#define PROXY_ELEMENTS_H

#include "nft/element_list.h"
#include "proxy/owners.h"

/* Appends what the service asks for: only keys that it owns, or all when owners is NULL. */
void elements_collect(struct element_list *out, const struct service *s, const struct owners *owners);
/* Appends what the service asks for at one key, its own or not; a key of owners_ip_key stands for the ClusterIP as
 * such. */
void elements_collect_key(struct element_list *out, const struct service *s, const struct frontend_key *key);

struct element_ops {
	void *ctx;
	void (*del)(void *ctx, const struct element *e);
	void (*add)(void *ctx, const struct element *e);
	/* Optional: reads the counters that the kernel has for an element. False: not known. */
	bool (*count)(void *ctx, struct element *e);
};

/*
 * The operations that make `have` equal `want`; a changed value is a del and an add. An add of a
 * frontend's verdict starts with the counters of the deleted one; a slot's belong to the endpoint that has left it.
 * Sorts both lists. Returns the number of operations.
 */
size_t elements_reconcile(struct element_list *want, struct element_list *have, const struct element_ops *ops);

/* Its counter is a frontend's and goes on when the verdict changes; a slot's belongs to the endpoint that leaves it. */
bool elements_counter_stays(const struct element *e);

/*
 * An element of SET_AFFINITY whose frontend is gone, is no longer has affinity, or no longer uses that endpoint.
 * outside: of a split frontend only what serves clients outside counts as used.
 */
bool elements_affinity_stale(const struct element *e, const struct owners *owners, bool outside);

#endif
