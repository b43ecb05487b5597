/* Makes slices of pods. */
#include "watch/lab/select.h"

#include <stdlib.h>
#include <string.h>

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

void select_all_when_all_fail(struct selected *pods, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct pod_details *d = &pods[i].pod->details;
		if (d->ready && !d->terminating && !pods[i].pod->finished && !pods[i].failing)
			return;
	}
	for (size_t i = 0; i < count; i++)
		pods[i].failing = false;
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
static void set_hints(const struct endpoint_object *e, enum traffic_distribution distribution, struct endpoint_extra *x,
		      struct arena *arena)
{
	const char **names;

	if (!e->ready || distribution == DISTRIBUTION_NONE)
		return;
	names = arena_array(arena, 2, sizeof *names);
	names[0] = e->zone;
	names[1] = e->node_name;
	x->zone_hints = &names[0];
	x->zone_hint_count = e->zone != NULL;
	x->node_hints = &names[1];
	x->node_hint_count = distribution == DISTRIBUTION_SAME_NODE && e->node_name != NULL;
}

static void endpoint_make(struct endpoint_object *e, const struct service_object *s, const struct selected *p,
			  uint8_t family, struct arena *arena)
{
	const struct pod_details *d = &p->pod->details;
	const bool ready = d->ready && !p->failing;
	struct addr *more = arena_array(arena, p->addr_count, sizeof *more);
	struct endpoint_extra x = {.reason = d->ready ? p->why : NULL, .more_addrs = more};

	*e = (struct endpoint_object){.ready = s->publish_not_ready || (ready && !d->terminating),
				      .serving = ready,
				      .terminating = d->terminating,
				      .weight = 1,
				      .node_name = p->pod->node_name,
				      .pod_name = p->pod->object.name,
				      .zone = p->zone};
	for (size_t i = 0; i < p->addr_count; i++) {
		if (p->addrs[i].family != family)
			continue;
		if (e->addr.family == 0)
			e->addr = p->addrs[i];
		else
			more[x.more_addr_count++] = p->addrs[i];
	}
	if (d->subdomain != NULL && strcmp(d->subdomain, s->object.name) == 0)
		x.hostname = d->hostname;
	set_hints(e, service_wishes(s)->distribution, &x, arena);
	e->extra = endpoint_extra_keep(arena, &x);
}

/* ---- slices ---- */

static void family_slices(const struct service_object *s, uint8_t family, const struct selected *pods, size_t pod_count,
			  struct arena *arena, const struct slice_sink *to)
{
	struct slice_groups groups = {.s = s, .family = family, .arena = arena};
	uint16_t *ports = arena_array(arena, s->port_count, sizeof *ports);

	for (size_t i = 0; i < pod_count; i++) {
		if (pods[i].pod->finished || !has_family(&pods[i], family))
			continue;
		for (size_t k = 0; k < s->port_count; k++)
			ports[k] = select_port(pods[i].pod, &s->ports[k]);
		endpoint_make(slice_groups_add(&groups, ports), s, &pods[i], family, arena);
	}
	slice_groups_tell(&groups, "pods", to);
}

void select_slices(const struct service_object *s, const struct families *families, const struct selected *pods,
		   size_t pod_count, struct arena *arena, const struct slice_sink *to)
{
	for (size_t i = 0; i < families->count; i++)
		family_slices(s, families->items[i], pods, pod_count, arena, to);
}
