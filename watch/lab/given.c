/* Makes slices of the annotation fairlead/endpoints. */
#include "watch/lab/given.h"

#include <stdlib.h>
#include <string.h>

void given_want(const struct service_object *s, const struct given_hosts *hosts, bool wanted)
{
	for (size_t i = 0; hosts != NULL && i < s->wishes.given_count; i++)
		if (s->wishes.given[i].host != NULL)
			hosts->want(hosts->ctx, s->wishes.given[i].host, wanted);
}

bool given_uses(const struct service_object *s, const char *host)
{
	for (size_t i = 0; i < s->wishes.given_count; i++)
		if (s->wishes.given[i].host != NULL && strcmp(s->wishes.given[i].host, host) == 0)
			return true;
	return false;
}

static void ports_of(const struct service_object *s, const struct given_endpoint *g, uint16_t *ports)
{
	for (size_t i = 0; i < s->port_count; i++) {
		const struct port_object *p = &s->ports[i];
		const bool is_for = g->port_name == NULL || strcmp(g->port_name, p->name) == 0;
		ports[i] = !is_for ? 0 : g->port != 0 ? g->port : (uint16_t)strtoul(p->target_port, NULL, 10);
	}
}

static void add(struct slice_groups *groups, const struct given_endpoint *g, const struct addr *addrs, size_t count,
		uint16_t *ports)
{
	ports_of(groups->s, g, ports);
	for (size_t i = 0; i < count; i++)
		if (addrs[i].family == groups->family)
			*slice_groups_add(groups, ports) =
				(struct endpoint_object){.addr = addrs[i], .ready = true, .serving = true, .weight = 1};
}

static void family_slices(struct slice_groups *groups, const struct given_hosts *hosts, const struct slice_sink *to)
{
	const struct service_wishes *w = &groups->s->wishes;
	uint16_t *ports = arena_array(groups->arena, groups->s->port_count, sizeof *ports);
	const struct addr *addrs;
	const char *why;
	size_t count;

	for (size_t i = 0; i < w->given_count; i++) {
		const struct given_endpoint *g = &w->given[i];
		if (g->host == NULL) {
			add(groups, g, &g->addr, 1, ports);
		} else if (hosts != NULL) {
			addrs = hosts->addrs(hosts->ctx, g->host, &count, &why);
			add(groups, g, addrs, count, ports);
		}
	}
	slice_groups_tell(groups, "given", to);
}

void given_slices(const struct service_object *s, const struct families *families, const struct given_hosts *hosts,
		  struct arena *arena, const struct slice_sink *to)
{
	for (size_t i = 0; i < families->count; i++) {
		struct slice_groups groups = {.s = s, .family = families->items[i], .arena = arena};
		family_slices(&groups, hosts, to);
	}
}
