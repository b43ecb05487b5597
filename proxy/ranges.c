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

void ranges_add(struct element_list *out, enum set_id set, const struct cidr *cidrs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct element e = {.set = (uint8_t)set, .daddr = cidrs[i].addr, .range = cidrs[i]};
		if (!is_inside_another(cidrs, count, i))
			element_list_add(out, &e);
	}
}

/* --service-cidr, else the union of all ServiceCIDR objects. */
static void add_service_cidrs(struct element_list *out, const struct config *config, const struct store *store)
{
	struct cidr_list all = {0};
	const struct service_cidr_object *o;
	size_t at = 0;

	if (config->service_cidrs.count != 0) {
		ranges_add(out, SET_SERVICE_CIDRS, config->service_cidrs.items, config->service_cidrs.count);
		return;
	}
	while ((o = (const struct service_cidr_object *)store_next(store, OBJECT_SERVICE_CIDR, &at)) != NULL) {
		if (o->cidr_count == 0)
			continue;
		all.items = mem_resize(all.items, (all.count + o->cidr_count) * sizeof *all.items);
		memcpy(all.items + all.count, o->cidrs, o->cidr_count * sizeof *all.items);
		all.count += o->cidr_count;
	}
	ranges_add(out, SET_SERVICE_CIDRS, all.items, all.count);
	free(all.items);
}

void ranges_collect(struct element_list *out, const struct config *config, const struct node *node,
		    const struct store *store)
{
	add_service_cidrs(out, config, store);
	if (config->detect_mode == MODE_CLUSTER_CIDR)
		ranges_add(out, SET_LOCAL_SOURCES, config->cluster_cidrs.items, config->cluster_cidrs.count);
	else if (config->detect_mode == MODE_NODE_CIDR)
		ranges_add(out, SET_LOCAL_SOURCES, node->pod_cidrs, node->pod_cidr_count);
}
