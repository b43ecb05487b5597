/* Puts together what is known of this node. */
#include "service/node.h"

#include <string.h>

#include "base/mem.h"

static bool contains(const struct addr *list, size_t count, const struct addr *a)
{
	for (size_t i = 0; i < count; i++)
		if (addr_equal(&list[i], a))
			return true;
	return false;
}

/* Flags win, then the Node object (InternalIPs first), then the addresses of the default routes. */
static void find_ips(struct node *n, const struct node_input *in)
{
	const struct addr *from = in->routes;
	size_t count = in->route_count;

	if (in->ips->count != 0) {
		from = in->ips->items;
		count = in->ips->count;
	} else if (in->object != NULL && in->object->addr_count != 0) {
		from = in->object->addrs;
		count = in->object->addr_count;
	}
	struct addr *ips = arena_array(n->arena, count, sizeof *ips);
	for (size_t i = 0; i < count; i++)
		if (!contains(ips, n->facts.ip_count, &from[i]))
			ips[n->facts.ip_count++] = from[i];
	n->facts.ips = ips;
}

static void find_port_addrs(struct node *n, const struct node_input *in)
{
	struct addr *out = arena_array(n->arena, in->host_count + in->inner_count, sizeof *out);
	size_t count =
		nodeports_evaluate(in->nodeports, in->host, in->host_count, n->facts.ips, n->facts.ip_count, out);

	n->ports_inner = in->nodeports->inner && in->object == NULL && in->ips->count == 0 && in->inner_count != 0;
	if (n->ports_inner)
		count = nodeports_inner(in->inner, in->inner_count, out, count);
	n->facts.node_port_addr_count = count;
	n->facts.node_port_addrs = out;
}

/* Loopback and link-local addresses come and go with every pod, and no Service may have them anyway. */
static void find_host(struct node *n, const struct node_input *in)
{
	struct addr *out = arena_array(n->arena, in->host_count, sizeof *out);

	n->facts.addresses.host = out;
	for (size_t i = 0; i < in->host_count; i++)
		if (!address_is_special(&in->host[i]))
			out[n->facts.addresses.host_count++] = in->host[i];
}

static void *copy(struct arena *arena, const void *items, size_t count, size_t item_bytes)
{
	void *out = arena_array(arena, count, item_bytes);

	return count != 0 ? memcpy(out, items, count * item_bytes) : out;
}

static void find_rules(struct node *n, const struct node_input *in)
{
	struct address_rules *r = &n->facts.addresses;

	find_host(n, in);
	r->own = in->own;
	r->own_count = in->own_count;
	r->external = in->external;
	n->facts.steered = in->steered;
	r->needed_count = in->needed_count;
	r->needed = copy(n->arena, in->needed, in->needed_count, sizeof *in->needed);
	if (in->service_cidrs == NULL)
		return;
	r->service_cidr_count = in->service_cidrs->count;
	r->service_cidrs = copy(n->arena, in->service_cidrs->items, r->service_cidr_count, sizeof(struct cidr));
}

static struct node node_build(const struct node_input *in)
{
	struct node n = {.arena = arena_new(512), .facts.name = in->name};

	find_ips(&n, in);
	find_port_addrs(&n, in);
	find_rules(&n, in);
	n.networks = copy(n.arena, in->networks, in->network_count, sizeof *in->networks);
	n.network_count = in->network_count;
	if (in->object == NULL)
		return n;
	n.facts.zone = arena_strdup(n.arena, in->object->zone);
	n.pod_cidrs = copy(n.arena, in->object->pod_cidrs, in->object->pod_cidr_count, sizeof(struct cidr));
	n.pod_cidr_count = in->object->pod_cidr_count;
	return n;
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool same_bytes(const void *a, size_t a_count, const void *b, size_t b_count, size_t item_bytes)
{
	return a_count == b_count && (a_count == 0 || memcmp(a, b, a_count * item_bytes) == 0);
}

static unsigned compare_rules(const struct address_rules *a, const struct address_rules *b)
{
	unsigned changes = 0;

	if (!same_bytes(a->host, a->host_count, b->host, b->host_count, sizeof(struct addr)))
		changes |= NODE_HOST;
	if (!same_bytes(a->service_cidrs, a->service_cidr_count, b->service_cidrs, b->service_cidr_count,
			sizeof(struct cidr)) ||
	    !same_bytes(a->needed, a->needed_count, b->needed, b->needed_count, sizeof *a->needed))
		changes |= NODE_NEEDED;
	return changes;
}

/* Both lists are sorted. */
static void find_moved(struct node *n, const struct address_rules *before)
{
	const struct address_rules *now = &n->facts.addresses;
	struct addr *moved = arena_array(n->arena, now->host_count + before->host_count, sizeof *moved);
	size_t i = 0, k = 0;

	n->moved = moved;
	while (i < now->host_count || k < before->host_count) {
		int order = i == now->host_count      ? 1
			    : k == before->host_count ? -1
						      : addr_compare(&now->host[i], &before->host[k]);
		if (order != 0)
			moved[n->moved_count++] = order < 0 ? now->host[i] : before->host[k];
		i += order <= 0;
		k += order >= 0;
	}
}

static unsigned compare(const struct node *a, const struct node *b)
{
	unsigned changes = 0;

	if (!same_text(a->facts.zone, b->facts.zone))
		changes |= NODE_ZONE;
	if (!same_bytes(a->facts.ips, a->facts.ip_count, b->facts.ips, b->facts.ip_count, sizeof(struct addr)))
		changes |= NODE_IPS;
	if (!same_bytes(a->facts.node_port_addrs, a->facts.node_port_addr_count, b->facts.node_port_addrs,
			b->facts.node_port_addr_count, sizeof(struct addr)))
		changes |= NODE_PORT_ADDRS;
	if (!same_bytes(a->pod_cidrs, a->pod_cidr_count, b->pod_cidrs, b->pod_cidr_count, sizeof(struct cidr)))
		changes |= NODE_POD_CIDRS;
	if (!same_bytes(a->networks, a->network_count, b->networks, b->network_count, sizeof(struct cidr)))
		changes |= NODE_NETWORKS;
	return changes | compare_rules(&a->facts.addresses, &b->facts.addresses);
}

unsigned node_update(struct node *n, const struct node_input *in)
{
	struct node next = node_build(in);
	unsigned changes = compare(n, &next);

	if (changes == 0 && n->arena != NULL) {
		node_fini(&next);
		return 0;
	}
	find_moved(&next, &n->facts.addresses);
	node_fini(n);
	*n = next;
	return changes;
}

struct addr node_ip(const struct node *n, int family)
{
	for (size_t i = 0; i < n->facts.ip_count; i++)
		if (n->facts.ips[i].family == family)
			return n->facts.ips[i];
	return (struct addr){0};
}

void node_fini(struct node *n)
{
	arena_free(n->arena);
	*n = (struct node){0};
}

static bool has_hints(size_t slice_count, const struct slice_object *const *slices)
{
	for (size_t i = 0; i < slice_count; i++)
		for (size_t e = 0; e < slices[i]->endpoint_count; e++)
			if (endpoint_extra(&slices[i]->endpoints[e])->zone_hint_count != 0)
				return true;
	return false;
}

static bool has_node_port(const struct service_object *service)
{
	for (size_t i = 0; i < service->port_count; i++)
		if (service->ports[i].node_port != 0)
			return true;
	return false;
}

static bool has_moved(const struct node *n, const struct service_object *s)
{
	for (size_t i = 0; i < s->cluster_ip_count; i++)
		if (contains(n->moved, n->moved_count, &s->cluster_ips[i]))
			return true;
	for (size_t i = 0; i < s->ingress_count; i++)
		if (contains(n->moved, n->moved_count, &s->ingress[i].addr))
			return true;
	for (size_t i = 0; i < s->external_ip_count; i++)
		if (contains(n->moved, n->moved_count, &s->external_ips[i]))
			return true;
	return false;
}

bool node_matters(const struct node *n, unsigned changes, const struct service_object *service, size_t slice_count,
		  const struct slice_object *const *slices)
{
	if (service == NULL)
		return false;
	return ((changes & NODE_ZONE) != 0 && has_hints(slice_count, slices)) ||
	       ((changes & NODE_IPS) != 0 && service->source_range_count != 0) ||
	       ((changes & NODE_PORT_ADDRS) != 0 && has_node_port(service)) ||
	       ((changes & NODE_HOST) != 0 && has_moved(n, service)) ||
	       ((changes & NODE_NEEDED) != 0 && service->external_ip_count + service->ingress_count != 0);
}
