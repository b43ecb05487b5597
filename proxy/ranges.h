/*
 * The ranges that belong to no service: the service CIDRs, in which an address without a Service is dropped, and what
 * is known of pods. Pure. Main thread.
 */
#ifndef PROXY_RANGES_H
#define PROXY_RANGES_H

#include "base/addr_port.h"
#include "proxy/elements.h"
#include "service/node.h"
#include "proxy/store.h"

struct ranges_config { /* what the flags say; borrowed */
	const struct cidr_list *service_cidrs, *cluster_cidrs;
};

void ranges_add(struct cidr_list *list, const struct cidr *cidrs, size_t count); /* appends; copied */
/* Appends the elements that flags and ServiceCIDR objects ask for; no range inside another. */
void ranges_collect(struct element_list *out, const struct ranges_config *config, const struct store *store);
/* Appends the service ranges as they are; list->items is freed by the caller. */
void ranges_services(struct cidr_list *list, const struct ranges_config *config, const struct store *store);
/* Appends every known service and pod range, whatever the detector; list->items is freed by the caller. */
void ranges_known(struct cidr_list *list, const struct ranges_config *config, const struct node *node,
		  const struct store *store);

#endif
