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
		if (!contains(ips, n->view.ip_count, &from[i]))
			ips[n->view.ip_count++] = from[i];
	n->view.ips = ips;
}

static void find_port_addrs(struct node *n, const struct node_input *in)
{
	struct addr *out = arena_array(n->arena, in->host_count, sizeof *out);

	n->view.node_port_addr_count =
		nodeports_evaluate(in->nodeports, in->host, in->host_count, n->view.ips, n->view.ip_count, out);
	n->view.node_port_addrs = out;
}

static struct node build(const struct node_input *in)
{
	struct node n = {.arena = arena_new(512), .view.name = in->name};

	find_ips(&n, in);
	find_port_addrs(&n, in);
	if (in->object == NULL)
		return n;
	n.view.zone = arena_strdup(n.arena, in->object->zone);
	struct cidr *cidrs = arena_array(n.arena, in->object->pod_cidr_count, sizeof *cidrs);
	if (in->object->pod_cidr_count != 0)
		memcpy(cidrs, in->object->pod_cidrs, in->object->pod_cidr_count * sizeof *cidrs);
	n.pod_cidrs = cidrs;
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

static unsigned compare(const struct node *a, const struct node *b)
{
	unsigned changes = 0;

	if (!same_text(a->view.zone, b->view.zone))
		changes |= NODE_ZONE;
	if (!same_bytes(a->view.ips, a->view.ip_count, b->view.ips, b->view.ip_count, sizeof(struct addr)))
		changes |= NODE_IPS;
	if (!same_bytes(a->view.node_port_addrs, a->view.node_port_addr_count, b->view.node_port_addrs,
			b->view.node_port_addr_count, sizeof(struct addr)))
		changes |= NODE_PORT_ADDRS;
	if (!same_bytes(a->pod_cidrs, a->pod_cidr_count, b->pod_cidrs, b->pod_cidr_count, sizeof(struct cidr)))
		changes |= NODE_POD_CIDRS;
	return changes;
}

unsigned node_update(struct node *n, const struct node_input *in)
{
	struct node next = build(in);
	unsigned changes = compare(n, &next);

	if (changes == 0 && n->arena != NULL) {
		node_fini(&next);
		return 0;
	}
	node_fini(n);
	*n = next;
	return changes;
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
			if (slices[i]->endpoints[e].zone_hint_count != 0)
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

bool node_matters(unsigned changes, const struct service_object *service, size_t slice_count,
		  const struct slice_object *const *slices)
{
	if (service == NULL)
		return false;
	return ((changes & NODE_ZONE) != 0 && has_hints(slice_count, slices)) ||
	       ((changes & NODE_IPS) != 0 && service->source_range_count != 0) ||
	       ((changes & NODE_PORT_ADDRS) != 0 && has_node_port(service));
}
