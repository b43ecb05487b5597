/* Makes slices of the annotation fairlead/endpoints. */
#include "watch/lab/given.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

void given_want(const struct service_object *s, const struct given_hosts *hosts, bool wanted)
{
	for (size_t i = 0; hosts != NULL && i < service_wishes(s)->given_count; i++)
		if (service_wishes(s)->given[i].host != NULL)
			hosts->want(hosts->ctx, service_wishes(s)->given[i].host, wanted);
}

bool given_uses(const struct service_object *s, const char *host)
{
	for (size_t i = 0; i < service_wishes(s)->given_count; i++)
		if (service_wishes(s)->given[i].host != NULL && strcmp(service_wishes(s)->given[i].host, host) == 0)
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

static uint16_t tcp_port(const struct service_object *s, const uint16_t *ports)
{
	for (size_t i = 0; i < s->port_count; i++)
		if (s->ports[i].proto == IPPROTO_TCP && ports[i] != 0)
			return ports[i];
	return 0;
}

struct making {
	struct slice_groups groups;
	const struct given_hosts *hosts;
	const struct given_judge *judge;
	uint16_t *ports;
};

static void add(struct making *m, const struct given_endpoint *g, const struct addr *addrs, size_t count)
{
	ports_of(m->groups.s, g, m->ports);
	for (size_t i = 0; i < count; i++) {
		struct endpoint_object e = {.addr = addrs[i], .serving = true, .weight = 1};
		struct endpoint_extra x = {0};
		if (addrs[i].family != m->groups.family)
			continue;
		if (m->judge != NULL)
			e.serving = m->judge->ready(m->judge->ctx, &e.addr, tcp_port(m->groups.s, m->ports), &x.reason);
		e.extra = endpoint_extra_keep(m->groups.arena, &x);
		e.ready = e.serving || m->groups.s->publish_not_ready;
		*slice_groups_add(&m->groups, m->ports) = e;
	}
}

static void family_slices(struct making *m, const struct slice_sink *to)
{
	const struct service_wishes *w = service_wishes(m->groups.s);
	const struct addr *addrs;
	const char *why;
	size_t count;

	for (size_t i = 0; i < w->given_count; i++) {
		const struct given_endpoint *g = &w->given[i];
		if (g->host == NULL) {
			add(m, g, &g->addr, 1);
		} else if (m->hosts != NULL) {
			addrs = m->hosts->addrs(m->hosts->ctx, g->host, &count, &why);
			add(m, g, addrs, count);
		}
	}
	slice_groups_tell(&m->groups, "given", to);
}

void given_slices(const struct service_object *s, const struct families *families, const struct given_hosts *hosts,
		  const struct given_judge *judge, struct arena *arena, const struct slice_sink *to)
{
	for (size_t i = 0; i < families->count; i++) {
		struct making m = {.groups = {.s = s, .family = families->items[i], .arena = arena},
				   .hosts = hosts,
				   .judge = judge,
				   .ports = arena_array(arena, s->port_count, sizeof(uint16_t))};
		family_slices(&m, to);
	}
}
