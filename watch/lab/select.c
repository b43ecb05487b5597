/* Makes slices of pods. */
#include "watch/lab/select.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

bool labels_match(const struct label_object *selector, size_t selector_count, const struct label_object *labels,
		  size_t label_count)
{
	size_t at = 0;

	for (size_t i = 0; i < selector_count; i++) {
		int order = -1;
		while (at < label_count && (order = strcmp(labels[at].key, selector[i].key)) < 0)
			at++;
		if (at == label_count || order != 0 || strcmp(labels[at].value, selector[i].value) != 0)
			return false;
	}
	return true;
}

uint16_t select_port(const struct pod_object *pod, const struct port_object *port)
{
	const struct pod_details *d = &pod->details;

	if (port->target_port[0] >= '0' && port->target_port[0] <= '9' &&
	    port->target_port[strspn(port->target_port, "0123456789")] == '\0')
		return (uint16_t)strtoul(port->target_port, NULL, 10);
	for (size_t i = 0; i < d->port_count; i++)
		if (d->ports[i].proto == port->proto && strcmp(d->ports[i].name, port->target_port) == 0)
			return d->ports[i].port;
	return 0;
}

/* ---- one endpoint ---- */

static bool has_family(const struct selected *p, uint8_t family)
{
	for (size_t i = 0; i < p->addr_count; i++)
		if (p->addrs[i].family == family)
			return true;
	return false;
}

/* Hints as trafficDistribution asks for them: of endpoints that are ready and whose place is known (KEP-4444,
 * KEP-3015). */
static void set_hints(struct endpoint_object *e, enum traffic_distribution distribution, struct arena *arena)
{
	const char **names;

	if (!e->ready || distribution == DISTRIBUTION_NONE)
		return;
	names = arena_array(arena, 2, sizeof *names);
	names[0] = e->zone;
	names[1] = e->node_name;
	e->zone_hints = &names[0];
	e->zone_hint_count = e->zone != NULL;
	e->node_hints = &names[1];
	e->node_hint_count = distribution == DISTRIBUTION_SAME_NODE && e->node_name != NULL;
}

static void endpoint_make(struct endpoint_object *e, const struct service_object *s, const struct selected *p,
			  uint8_t family, struct arena *arena)
{
	const struct pod_details *d = &p->pod->details;
	struct addr *more = arena_array(arena, p->addr_count, sizeof *more);

	*e = (struct endpoint_object){.ready = s->publish_not_ready || (d->ready && !d->terminating),
				      .serving = d->ready,
				      .terminating = d->terminating,
				      .weight = 1,
				      .node_name = p->pod->node_name,
				      .pod_name = p->pod->object.name,
				      .zone = p->zone,
				      .more_addrs = more};
	for (size_t i = 0; i < p->addr_count; i++) {
		if (p->addrs[i].family != family)
			continue;
		if (e->addr.family == 0)
			e->addr = p->addrs[i];
		else
			more[e->more_addr_count++] = p->addrs[i];
	}
	if (d->subdomain != NULL && strcmp(d->subdomain, s->object.name) == 0)
		e->hostname = d->hostname;
	set_hints(e, s->wishes.distribution, arena);
}

/* ---- slices ---- */

/* Pods with the same numbers for the Service's ports. */
struct group {
	uint16_t *ports; /* by the Service's; 0: not there */
	size_t endpoint_count, endpoint_room;
	struct endpoint_object *endpoints;
};

struct groups {
	size_t count, room;
	struct group *items;
};

static struct group *group_find(struct groups *all, const struct service_object *s, const struct selected *p,
				struct arena *arena)
{
	uint16_t *ports = arena_array(arena, s->port_count, sizeof *ports);

	for (size_t i = 0; i < s->port_count; i++)
		ports[i] = select_port(p->pod, &s->ports[i]);
	for (size_t i = 0; i < all->count; i++)
		if (memcmp(all->items[i].ports, ports, s->port_count * sizeof *ports) == 0)
			return &all->items[i];
	all->items = mem_grow(all->items, all->count, &all->room, sizeof *all->items);
	all->items[all->count] = (struct group){.ports = ports};
	return &all->items[all->count++];
}

static struct endpoint_object *group_add(struct group *g)
{
	g->endpoints = mem_grow(g->endpoints, g->endpoint_count, &g->endpoint_room, sizeof *g->endpoints);
	return &g->endpoints[g->endpoint_count++];
}

static void slice_make(struct slice_object *slice, const struct service_object *s, const struct group *g,
		       uint8_t family, struct arena *arena)
{
	struct slice_port_object *ports = arena_array(arena, s->port_count, sizeof *ports);

	*slice = (struct slice_object){.object = {.kind = OBJECT_SLICE, .ns = s->object.ns},
				       .service_name = s->object.name,
				       .family = family,
				       .headless_label = s->headless,
				       .ports = ports,
				       .endpoint_count = g->endpoint_count,
				       .endpoints = g->endpoints};
	for (size_t i = 0; i < s->port_count; i++)
		if (g->ports[i] != 0)
			ports[slice->port_count++] =
				(struct slice_port_object){s->ports[i].name, s->ports[i].proto, g->ports[i]};
}

static void family_slices(const struct service_object *s, uint8_t family, const struct selected *pods, size_t pod_count,
			  struct arena *arena, void (*made)(void *ctx, const struct slice_object *slice), void *ctx)
{
	struct groups groups = {0};
	struct slice_object slice;

	for (size_t i = 0; i < pod_count; i++) {
		if (pods[i].pod->finished || !has_family(&pods[i], family))
			continue;
		endpoint_make(group_add(group_find(&groups, s, &pods[i], arena)), s, &pods[i], family, arena);
	}
	for (size_t i = 0; i < groups.count; i++) {
		slice_make(&slice, s, &groups.items[i], family, arena);
		slice.object.name =
			arena_printf(arena, "%s:pods-ipv%c-%zu", s->object.name, family == AF_INET ? '4' : '6', i);
		made(ctx, &slice);
		free(groups.items[i].endpoints);
	}
	free(groups.items);
}

void select_slices(const struct service_object *s, const struct families *families, const struct selected *pods,
		   size_t pod_count, struct arena *arena, void (*made)(void *ctx, const struct slice_object *slice),
		   void *ctx)
{
	for (size_t i = 0; i < families->count; i++)
		family_slices(s, families->items[i], pods, pod_count, arena, made, ctx);
}
