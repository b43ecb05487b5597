/* What a Service in a manifest leaves to the cluster: addresses, node ports, the choice of pods. */
#include <stdlib.h>
#include <string.h>

#include "watch/decode/decode_field.h"

static void read_families(struct decoder *d, const struct place *spec, struct service_wishes *w)
{
	static const char *const policies[] = {"SingleStack", "PreferDualStack", "RequireDualStack", NULL};
	struct place families = place_key(spec, "ipFamilies"), policy = place_key(spec, "ipFamilyPolicy");
	const struct value *v = families.v != NULL && families.v->type == VALUE_LIST ? families.v->first : NULL;

	w->family_policy = (enum family_policy)(1 + field_enum(d, &policy, policies, FAMILY_POLICY_NONE - 1));
	for (; v != NULL && w->family_count < 2; v = v->next) /* decode_service says what is wrong with them */
		w->families[w->family_count++] = strcmp(v->text, "IPv6") == 0 ? AF_INET6 : AF_INET;
}

static void read_balancer(struct decoder *d, const struct place *spec, struct service_wishes *w)
{
	struct place ports = place_key(spec, "allocateLoadBalancerNodePorts");
	struct place class = place_key(spec, "loadBalancerClass"), ip = place_key(spec, "loadBalancerIP");

	w->no_node_ports = !field_bool(d, &ports, true);
	w->other_balancer = !place_unset(&class);
	if (!place_unset(&ip) && !addr_parse(&w->balancer_ip, place_text(&ip)))
		decode_warning(d, &ip, "\"%.60s\" is not an IP address", place_text(&ip));
}

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct label_object *)a)->key, ((const struct label_object *)b)->key);
}

const struct label_object *field_labels(struct decoder *d, const struct place *map, size_t *count)
{
	const bool usable = map->v != NULL && map->v->type == VALUE_MAP;
	struct label_object *all = arena_array(d->scratch, usable ? map->v->count : 0, sizeof *all);

	*count = 0;
	for (const struct value *v = usable ? map->v->first : NULL; v != NULL; v = v->next)
		all[(*count)++] = (struct label_object){v->key, v->type == VALUE_STRING ? v->text : ""};
	if (*count != 0)
		qsort(all, *count, sizeof *all, by_key);
	return all;
}

static void read_choice(struct decoder *d, const struct place *spec, struct service_wishes *w)
{
	static const char *const distributions[] = {"PreferClose", "PreferSameZone", "PreferSameNode", NULL};
	struct place selector = place_key(spec, "selector"), distribution = place_key(spec, "trafficDistribution");
	const int which = field_enum(d, &distribution, distributions, -1);

	w->distribution = which < 0 ? DISTRIBUTION_NONE : which == 2 ? DISTRIBUTION_SAME_NODE : DISTRIBUTION_SAME_ZONE;
	w->selector = field_labels(d, &selector, &w->selector_count);
	if (w->selector_count == 0)
		w->selector = NULL;
}

void decode_wishes(struct decoder *d, const struct place *root, const struct place *spec, struct service_object *s)
{
	static const struct service_wishes none;
	struct service_wishes *w = arena_array(d->scratch, 1, sizeof *w);

	read_choice(d, spec, w);
	read_families(d, spec, w);
	read_balancer(d, spec, w);
	decode_given(d, root, s, w);
	decode_probe_annotations(d, root, s, w);
	s->wishes = memcmp(w, &none, sizeof none) != 0 ? w : NULL;
}
