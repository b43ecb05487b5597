/* What a Service lacks that a cluster would give it; and the Service with it. */
#include "watch/lab/allocate_private.h"

bool pools_hold(const struct lab_pools *p, const struct addr *a)
{
	for (size_t i = 0; i < p->count; i++)
		if (range_find(&p->items[i].range, a) != UINT32_MAX)
			return true;
	return false;
}

bool pools_have_family(const struct lab_pools *p, uint8_t family)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->items[i].cidr.addr.family == family)
			return true;
	return false;
}

bool wants_cluster_ip(const struct allocation *x, uint8_t family)
{
	const struct service_object *s = x->s;

	if (s->headless || s->type == SERVICE_EXTERNAL_NAME || !families_have(&x->families, family))
		return false;
	for (size_t i = 0; i < s->cluster_ip_count; i++)
		if (s->cluster_ips[i].family == family)
			return false;
	return true;
}

bool wants_balancer(const struct allocation *x)
{
	const struct service_object *s = x->s;

	return s->type == SERVICE_LOAD_BALANCER && !service_wishes(s)->other_balancer && x->a->balancers.count != 0 &&
	       s->ingress_count == 0;
}

bool wants_written_balancer(const struct allocator *a, const struct service_object *s)
{
	return s->type == SERVICE_LOAD_BALANCER && service_wishes(s)->balancer_ip.family != 0 &&
	       !service_wishes(s)->other_balancer && s->ingress_count == 0 &&
	       pools_hold(&a->balancers, &service_wishes(s)->balancer_ip);
}

bool wants_balancer_ip(const struct allocation *x, uint8_t family)
{
	if (!wants_balancer(x) || !families_have(&x->families, family) || !pools_have_family(&x->a->balancers, family))
		return false;
	return service_wishes(x->s)->balancer_ip.family == 0 ||
	       (wants_written_balancer(x->a, x->s) && service_wishes(x->s)->balancer_ip.family != family);
}

bool wants_node_ports(const struct service_object *s)
{
	return s->type == SERVICE_NODE_PORT || (s->type == SERVICE_LOAD_BALANCER && !service_wishes(s)->no_node_ports);
}

bool wants_health_port(const struct service_object *s)
{
	return s->type == SERVICE_LOAD_BALANCER && s->external_policy == POLICY_LOCAL && s->health_check_node_port == 0;
}

uint16_t wants_shared_port(const struct service_object *s, const struct port_object *p)
{
	for (size_t i = 0; i < s->port_count; i++)
		if (s->ports[i].port == p->port && s->ports[i].node_port != 0)
			return s->ports[i].node_port;
	return 0;
}

bool wants_node_port(const struct service_object *s, const struct port_object *p)
{
	return p->node_port == 0 && wants_node_ports(s) && wants_shared_port(s, p) == 0;
}

/* ---- the Service as it is then ---- */

static void fill_cluster_ips(const struct allocation *x, struct service_object *out)
{
	out->cluster_ip_count = 0;
	for (size_t i = 0; i < x->families.count && !x->s->headless; i++) {
		struct addr a = x->had->cluster_ips[family_index(x->families.items[i])];
		for (size_t k = 0; k < x->s->cluster_ip_count; k++)
			if (x->s->cluster_ips[k].family == x->families.items[i])
				a = x->s->cluster_ips[k];
		if (a.family != 0)
			out->cluster_ips[out->cluster_ip_count++] = a;
	}
}

static void fill_ports(const struct allocation *x, struct service_object *out)
{
	const struct service_object *s = x->s;
	struct port_object *ports;

	if (wants_health_port(s))
		out->health_check_node_port = x->had->health_port;
	if (!wants_node_ports(s))
		return;
	ports = arena_array(out->object.arena, s->port_count, sizeof *ports);
	for (size_t i = 0; i < s->port_count; i++) {
		ports[i] = s->ports[i];
		if (ports[i].node_port == 0)
			ports[i].node_port = wants_node_port(s, &s->ports[i]) ? allocated_port(x->had, ports[i].name)
									      : wants_shared_port(s, &s->ports[i]);
	}
	out->ports = ports;
}

static void fill_balancer(const struct allocation *x, struct service_object *out)
{
	const struct addr *wish = &service_wishes(x->s)->balancer_ip;
	struct ingress_object *all;
	size_t n = 0;

	if (!wants_balancer(x))
		return;
	all = arena_array(out->object.arena, 2, sizeof *all);
	if (wants_written_balancer(x->a, x->s))
		all[n++].addr = *wish;
	for (size_t i = 0; i < x->families.count && n < 2; i++) {
		const struct addr *a = &x->had->balancer_ips[family_index(x->families.items[i])];
		if (a->family != 0)
			all[n++].addr = *a;
	}
	out->ingress = all;
	out->ingress_count = n;
}

/* What fill_ports and fill_balancer allocate, each with what alignment may cost. */
static size_t fill_bytes(const struct allocation *x)
{
	const size_t ports = wants_node_ports(x->s) ? x->s->port_count * sizeof(struct port_object) + 16 : 0;

	return ports + (wants_balancer(x) ? 2 * sizeof(struct ingress_object) + 16 : 0);
}

struct object *allocate_fill(const struct allocation *x)
{
	struct object *o = object_over(&x->s->object, sizeof *x->s, fill_bytes(x));
	struct service_object *out = (struct service_object *)o;

	out->wishes = NULL;
	if (out->type == SERVICE_EXTERNAL_NAME)
		return o;
	fill_cluster_ips(x, out);
	fill_ports(x, out);
	fill_balancer(x, out);
	return o;
}
