/* Chooses the endpoints that take new connections on this node. */
#include "service/topology.h"

#include <string.h>

static bool ready(const struct candidate *c)
{
	return (c->target.flags & TARGET_READY) != 0;
}

/* The fallback while everything is being replaced: still answers, although it is on its way out. */
static bool leaving(const struct candidate *c)
{
	unsigned both = TARGET_SERVING | TARGET_TERMINATING;

	return (c->target.flags & both) == both;
}

static bool on_node(const struct candidate *c)
{
	return (c->target.flags & TARGET_ON_NODE) != 0;
}

static bool hinted(const char *const *hints, size_t count, const char *name)
{
	for (size_t i = 0; name != NULL && i < count; i++)
		if (strcmp(hints[i], name) == 0)
			return true;
	return false;
}

/* Hints count only when every ready endpoint has one and one of them is for us: else traffic would have no place. */
static enum topology_mode mode_of(const struct candidate *candidates, size_t count, const char *node, const char *zone)
{
	bool all_node = true, all_zone = true, for_node = false, for_zone = false;

	for (size_t i = 0; i < count; i++) {
		const struct endpoint_extra *x = endpoint_extra(candidates[i].endpoint);
		if (!ready(&candidates[i]))
			continue;
		all_node = all_node && x->node_hint_count != 0;
		all_zone = all_zone && x->zone_hint_count != 0;
		for_node = for_node || hinted(x->node_hints, x->node_hint_count, node);
		for_zone = for_zone || hinted(x->zone_hints, x->zone_hint_count, zone);
	}
	if (all_node && for_node)
		return TOPOLOGY_SAME_NODE;
	return all_zone && for_zone ? TOPOLOGY_SAME_ZONE : TOPOLOGY_NONE;
}

static bool follows(const struct candidate *c, enum topology_mode mode, const char *node, const char *zone)
{
	const struct endpoint_extra *x = endpoint_extra(c->endpoint);

	if (mode == TOPOLOGY_SAME_NODE)
		return hinted(x->node_hints, x->node_hint_count, node);
	return mode == TOPOLOGY_NONE || hinted(x->zone_hints, x->zone_hint_count, zone);
}

static enum topology_mode choose_cluster(struct candidate *candidates, size_t count, const char *node, const char *zone)
{
	enum topology_mode mode = mode_of(candidates, count, node, zone);
	bool any = false;

	for (size_t i = 0; i < count; i++) {
		if (!ready(&candidates[i]) || !follows(&candidates[i], mode, node, zone))
			continue;
		candidates[i].target.flags |= TARGET_IN_CLUSTER;
		any = true;
	}
	for (size_t i = 0; !any && i < count; i++)
		if (leaving(&candidates[i]))
			candidates[i].target.flags |= TARGET_IN_CLUSTER;
	return mode;
}

static void choose_local(struct candidate *candidates, size_t count)
{
	bool any = false;

	for (size_t i = 0; i < count; i++) {
		if (!on_node(&candidates[i]) || !ready(&candidates[i]))
			continue;
		candidates[i].target.flags |= TARGET_IN_LOCAL;
		any = true;
	}
	for (size_t i = 0; !any && i < count; i++)
		if (on_node(&candidates[i]) && leaving(&candidates[i]))
			candidates[i].target.flags |= TARGET_IN_LOCAL;
}

enum topology_mode topology_choose(struct candidate *candidates, size_t count, struct topology_use use,
				   const char *node, const char *zone)
{
	enum topology_mode mode = TOPOLOGY_NONE;

	if (use.cluster)
		mode = choose_cluster(candidates, count, node, zone);
	if (use.local)
		choose_local(candidates, count);
	return mode;
}

bool topology_any(const struct candidate *candidates, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (ready(&candidates[i]) || leaving(&candidates[i]))
			return true;
	return false;
}
