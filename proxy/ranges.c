/* Collects service CIDRs and pod ranges. */
#include "proxy/ranges.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* The kernel refuses overlapping intervals; prefixes overlap only when one holds the other. Of equals the first stays.
 */
static bool is_inside_another(const struct cidr *cidrs, size_t count, size_t at)
{
	for (size_t i = 0; i < count; i++) {
		if (i == at || !cidr_contains(&cidrs[i], &cidrs[at].addr))
			continue;
		if (cidrs[i].prefix < cidrs[at].prefix || (cidrs[i].prefix == cidrs[at].prefix && i < at))
			return true;
	}
	return false;
}

void ranges_add(struct cidr_list *list, const struct cidr *cidrs, size_t count)
{
	if (count == 0)
		return;
	list->items = mem_resize(list->items, (list->count + count) * sizeof *list->items);
	memcpy(list->items + list->count, cidrs, count * sizeof *list->items);
	list->count += count;
}

/* --service-cidr, else the union of all ServiceCIDR objects. */
void ranges_services(struct cidr_list *list, const struct ranges_config *config, const struct store *store)
{
	const struct service_cidr_object *o;
	size_t at = 0;

	ranges_add(list, config->service_cidrs->items, config->service_cidrs->count);
	if (config->service_cidrs->count != 0)
		return;
	while ((o = (const struct service_cidr_object *)store_next(store, OBJECT_SERVICE_CIDR, &at)) != NULL)
		ranges_add(list, o->cidrs, o->cidr_count);
}

void ranges_known(struct cidr_list *list, const struct ranges_config *config, const struct node *node,
		  const struct store *store)
{
	ranges_services(list, config, store);
	ranges_add(list, config->cluster_cidrs->items, config->cluster_cidrs->count);
	ranges_add(list, node->pod_cidrs, node->pod_cidr_count);
}

void ranges_collect(struct element_list *out, const struct ranges_config *config, const struct store *store)
{
	struct cidr_list service_cidrs = {0};

	ranges_services(&service_cidrs, config, store);
	for (size_t i = 0; i < service_cidrs.count; i++) {
		const struct cidr *range = &service_cidrs.items[i];
		const struct element e = {.set = SET_SERVICE_CIDRS, .daddr = range->addr, .range = *range};
		if (!is_inside_another(service_cidrs.items, service_cidrs.count, i))
			element_list_add(out, &e);
	}
	free(service_cidrs.items);
}
