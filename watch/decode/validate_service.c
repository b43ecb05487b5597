/* ValidateService of Kubernetes (pkg/apis/core/validation), as far as decode_service does not see to it. */
#include <string.h>
#include <sys/socket.h>

#include "watch/decode/validate.h"

#define KUBELET_PORT 10250
#define RANGES_ANNOTATION "service.beta.kubernetes.io/load-balancer-source-ranges"

static bool is_set(const struct place *p)
{
	return p->v != NULL && (p->v->type != VALUE_LIST || p->v->count != 0);
}

static bool is_load_balancer(const struct service_object *s)
{
	return s->type == SERVICE_LOAD_BALANCER;
}

/* ---- addresses ---- */

static void check_cluster_ip(struct decoder *d, const struct place *spec, const struct service_object *s)
{
	struct place ip = place_key(spec, "clusterIP"), all = place_key(spec, "clusterIPs");
	const struct value *first = all.v != NULL ? all.v->first : NULL;
	char text[ADDR_TEXT_BYTES];

	if (s->headless && s->type != SERVICE_CLUSTER_IP)
		decode_error(d, &ip, "None is only possible with type ClusterIP");
	if (place_unset(&ip) && first != NULL)
		decode_warning(d, &ip, "missing: an API server refuses clusterIPs without it");
	else if (!s->headless && first != NULL && strcmp(first->text, place_text(&ip)) != 0)
		decode_error(d, &all, "the first address is not the clusterIP");
	for (size_t i = 0; i < s->cluster_ip_count; i++) {
		const char *wrong = addr_is_special(&s->cluster_ips[i]);
		if (wrong != NULL)
			decode_error(d, &ip, "%s %s", addr_format(&s->cluster_ips[i], text), wrong);
	}
}

static void check_families(struct decoder *d, const struct place *spec)
{
	struct place families = place_key(spec, "ipFamilies");
	const struct value *first = families.v != NULL ? families.v->first : NULL;

	if (first != NULL && families.v->count > 2)
		decode_error(d, &families, "more than two families");
	else if (first != NULL && first->next != NULL && strcmp(first->text, first->next->text) == 0)
		decode_error(d, &families, "%.10s is there twice", first->text);
}

/* An ExternalName has no addresses, nor a family of them. */
static void check_external_name(struct decoder *d, const struct place *spec, const struct service_object *s)
{
	static const char *const none[] = {"ipFamilies", "ipFamilyPolicy"};
	struct place ip = place_key(spec, "clusterIP");

	if (s->cluster_ip_count != 0 || s->headless)
		decode_error(d, &ip, "must not be set with type ExternalName");
	for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
		struct place p = place_key(spec, none[i]);
		if (is_set(&p))
			decode_error(d, &p, "must not be set with type ExternalName");
	}
}

/* ---- ports ---- */

static void check_ports(struct decoder *d, const struct place *spec, const struct service_object *s)
{
	struct place ports = place_key(spec, "ports");
	const struct value *v = ports.v != NULL && ports.v->type == VALUE_LIST ? ports.v->first : NULL;

	for (size_t index = 0; v != NULL; v = v->next) {
		struct place entry = place_item(&ports, index++, v), app = place_key(&entry, "appProtocol");
		validate_label_key(d, &app);
	}
	for (size_t i = 0; i < s->port_count; i++) {
		if (s->ports[i].node_port != 0 && s->type == SERVICE_CLUSTER_IP)
			decode_error(d, &ports, "nodePort %u needs type NodePort or LoadBalancer",
				     s->ports[i].node_port);
		if (s->ports[i].port == KUBELET_PORT && is_load_balancer(s))
			decode_error(d, &ports, "port %d is the kubelet's: not with type LoadBalancer", KUBELET_PORT);
	}
}

/* ---- what only some types have ---- */

/* As GetLoadBalancerSourceRanges of Kubernetes reads them. */
static bool are_ranges(struct decoder *d, const struct place *annotation)
{
	char *rest = arena_strdup(d->scratch, annotation->v->text), *one;
	char trimmed[CIDR_TEXT_BYTES];
	struct cidr range;

	while ((one = strsep(&rest, ",")) != NULL) {
		if (field_cidr_text(&range, one, trimmed))
			continue;
		decode_error(d, annotation, "\"%.60s\" is not a range such as 10.0.0.0/8", one);
		return false;
	}
	return true;
}

static void check_source_ranges(struct decoder *d, const struct place *root, const struct place *spec,
				const struct service_object *s)
{
	struct place ranges = place_key(spec, "loadBalancerSourceRanges"), metadata = place_key(root, "metadata");
	struct place annotations = place_key(&metadata, "annotations");
	struct place annotation = place_key(&annotations, RANGES_ANNOTATION);

	/* With fairlead/source-ranges they say something for other types, too (docs/annotations.md). */
	if (is_set(&ranges) && !is_load_balancer(s) && !s->source_ranges_everywhere)
		decode_error(d, &ranges,
			     "only with type LoadBalancer, or with the annotation fairlead/source-ranges: all");
	if (is_set(&ranges) || place_absent(&annotation))
		return;
	if (!is_load_balancer(s))
		decode_error(d, &annotation, "only with type LoadBalancer");
	else if (!place_unset(&annotation) && are_ranges(d, &annotation))
		decode_warning(d, &annotation, "not used: write spec.loadBalancerSourceRanges");
}

static void check_balancer_fields(struct decoder *d, const struct place *spec, const struct service_object *s)
{
	static const char *const only[] = {"allocateLoadBalancerNodePorts", "loadBalancerClass"};
	struct place class = place_key(spec, "loadBalancerClass");

	for (size_t i = 0; i < sizeof only / sizeof only[0]; i++) {
		struct place p = place_key(spec, only[i]);
		if (is_set(&p) && !is_load_balancer(s))
			decode_error(d, &p, "only with type LoadBalancer");
	}
	if (is_load_balancer(s))
		validate_label_key(d, &class);
}

static void check_policies(struct decoder *d, const struct place *spec, const struct service_object *s)
{
	struct place external = place_key(spec, "externalTrafficPolicy");

	if (!place_unset(&external) && s->type != SERVICE_NODE_PORT && s->type != SERVICE_LOAD_BALANCER &&
	    (s->type != SERVICE_CLUSTER_IP || s->external_ip_count == 0))
		decode_error(d, &external, "only with type NodePort or LoadBalancer, or with externalIPs");
}

static void check_topology(struct decoder *d)
{
	const char *hints = field_annotation(d, "service.kubernetes.io/topology-aware-hints");
	const char *mode = field_annotation(d, "service.kubernetes.io/topology-mode");

	if (hints != NULL && mode != NULL && strcmp(hints, mode) != 0)
		decode_error(d, &(struct place){.v = NULL},
			     "the annotations topology-aware-hints and topology-mode of service.kubernetes.io differ");
}

void validate_service(struct decoder *d, const struct place *root, const struct service_object *s)
{
	struct place spec = place_key(root, "spec"), selector = place_key(&spec, "selector");

	check_topology(d);
	if (s->type == SERVICE_EXTERNAL_NAME)
		check_external_name(d, &spec, s);
	else
		check_cluster_ip(d, &spec, s);
	check_families(d, &spec);
	check_ports(d, &spec, s);
	validate_labels(d, &selector);
	check_source_ranges(d, root, &spec, s);
	check_balancer_fields(d, &spec, s);
	check_policies(d, &spec, s);
}
