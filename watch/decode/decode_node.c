/* Namespace, Node and ServiceCIDR: the few fields that are used. */
#include <string.h>

#include "watch/decode/decode_field.h"

void decode_namespace(struct decoder *d, const struct place *root)
{
	struct namespace_object n = {.object = {.kind = OBJECT_NAMESPACE}};

	decode_emit(d, &n.object, root->v->line, 0);
}

/* Status addresses of one type, added behind those already there. */
static size_t node_addrs(struct decoder *d, const struct place *list, const char *type, struct addr *all)
{
	size_t index = 0, count = 0;

	if (field_list(d, list) == 0)
		return 0;
	for (const struct value *v = list->v->first; v != NULL; v = v->next) {
		struct place entry = place_item(list, index++, v), address = place_key(&entry, "address");
		const struct value *is = value_get(v, "type");
		if (is != NULL && strcmp(is->text, type) == 0)
			count += field_addr(d, &address, &all[count]);
	}
	return count;
}

static bool has_taint(struct decoder *d, const struct place *spec, const char *key)
{
	struct place taints = place_key(spec, "taints");

	if (field_list(d, &taints) == 0)
		return false;
	for (const struct value *v = taints.v->first; v != NULL; v = v->next) {
		const struct value *is = value_get(v, "key");
		if (is != NULL && strcmp(is->text, key) == 0)
			return true;
	}
	return false;
}

/* podCIDRs, or podCIDR where only that is there. */
static const struct cidr *pod_cidrs(struct decoder *d, const struct place *spec, size_t *count)
{
	struct place all = place_key(spec, "podCIDRs"), one = place_key(spec, "podCIDR");
	const struct cidr *list = field_cidrs(d, &all, count);
	struct cidr *single;

	if (*count != 0 || place_absent(&one))
		return list;
	single = arena_alloc(d->scratch, sizeof *single);
	*count = field_cidr(d, &one, single);
	return single;
}

void decode_node(struct decoder *d, const struct place *root)
{
	struct place metadata = place_key(root, "metadata"), deletion = place_key(&metadata, "deletionTimestamp");
	struct place spec = place_key(root, "spec"), status = place_key(root, "status");
	struct place addresses = place_key(&status, "addresses");
	struct addr *all = arena_array(d->scratch, field_list(d, &addresses), sizeof *all);
	struct node_object n = {.object = {.kind = OBJECT_NODE}, .addrs = all};

	n.addr_count = node_addrs(d, &addresses, "InternalIP", all);
	n.addr_count += node_addrs(d, &addresses, "ExternalIP", all + n.addr_count);
	n.pod_cidrs = pod_cidrs(d, &spec, &n.pod_cidr_count);
	n.zone = field_label(d, "topology.kubernetes.io/zone");
	if (n.zone != NULL && n.zone[0] == '\0')
		n.zone = NULL;
	n.deleting = !place_absent(&deletion);
	n.to_be_deleted = has_taint(d, &spec, "ToBeDeletedByClusterAutoscaler");
	decode_emit(d, &n.object, root->v->line, 0);
}

void decode_service_cidr(struct decoder *d, const struct place *root)
{
	struct place spec = place_key(root, "spec"), list = place_key(&spec, "cidrs");
	struct service_cidr_object s = {.object = {.kind = OBJECT_SERVICE_CIDR}};

	s.cidrs = field_cidrs(d, &list, &s.cidr_count);
	decode_emit(d, &s.object, root->v->line, 0);
}
