/* Sorts endpoints into slices by their port numbers. */
#include "watch/lab/slice_groups.h"

#include <stdlib.h>
#include <string.h>

struct slice_group {
	const uint16_t *ports;
	size_t endpoint_count, endpoint_room;
	struct endpoint_object *endpoints;
};

static struct slice_group *find(struct slice_groups *g, const uint16_t *ports)
{
	const size_t bytes = g->s->port_count * sizeof *ports;
	struct slice_group *group = map_get(&g->by_ports, ports, bytes);

	if (group != NULL)
		return group;
	uint16_t *copy = arena_array(g->arena, g->s->port_count, sizeof *copy);
	memcpy(copy, ports, bytes);
	group = arena_alloc(g->arena, sizeof *group);
	*group = (struct slice_group){.ports = copy};
	map_put(&g->by_ports, copy, bytes, group);
	g->items = mem_grow(g->items, g->count, &g->room, sizeof(struct slice_group *));
	g->items[g->count++] = group;
	return group;
}

struct endpoint_object *slice_groups_add(struct slice_groups *g, const uint16_t *ports)
{
	struct slice_group *to = find(g, ports);

	to->endpoints = mem_grow(to->endpoints, to->endpoint_count, &to->endpoint_room, sizeof *to->endpoints);
	to->endpoints[to->endpoint_count] = (struct endpoint_object){0};
	return &to->endpoints[to->endpoint_count++];
}

static void fill(struct slice_object *slice, const struct slice_groups *g, const struct slice_group *from)
{
	const struct service_object *s = g->s;
	struct slice_port_object *ports = arena_array(g->arena, s->port_count, sizeof *ports);

	*slice = (struct slice_object){.object = {.kind = OBJECT_SLICE, .ns = s->object.ns},
				       .service_name = s->object.name,
				       .family = g->family,
				       .headless_label = s->headless,
				       .ports = ports,
				       .endpoint_count = from->endpoint_count,
				       .endpoints = from->endpoints};
	for (size_t i = 0; i < s->port_count; i++)
		if (from->ports[i] != 0)
			ports[slice->port_count++] =
				(struct slice_port_object){s->ports[i].name, s->ports[i].proto, from->ports[i]};
}

void slice_groups_tell(struct slice_groups *g, const char *mark, const struct slice_sink *to)
{
	struct slice_object slice;

	for (size_t i = 0; i < g->count; i++) {
		fill(&slice, g, g->items[i]);
		slice.object.name = arena_printf(g->arena, "%s:%s-ipv%c-%zu", g->s->object.name, mark,
						 g->family == AF_INET ? '4' : '6', i);
		to->made(to->ctx, &slice);
		free(g->items[i]->endpoints);
	}
	map_fini(&g->by_ports);
	free(g->items);
	g->items = NULL;
	g->count = g->room = 0;
}
