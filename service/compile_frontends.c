/* Frontends: what clients dial (E.3), what happens there (A.5), and who may (loadBalancerSourceRanges). */
#include <stdlib.h>
#include <string.h>

#include "service/compile_private.h"

#define NOTES_OF_PORTS_MAX 64 /* ports of a Service that fairlead itself listens on; further ones go untold */

void compile_ports(struct compilation *b)
{
	const struct service_object *o = b->in->object;

	b->ports = arena_array(b->scratch, o->port_count * b->out.cluster_ip_count, sizeof *b->ports);
	for (size_t i = 0; i < b->out.cluster_ip_count; i++)
		for (size_t k = 0; k < o->port_count && b->out.port_count < UINT16_MAX; k++)
			b->ports[b->out.port_count++] = (struct service_port){
				.name = o->ports[k].name,
				.port = o->ports[k].port,
				.node_port = o->ports[k].node_port,
				.proto = o->ports[k].proto,
				.family = b->out.cluster_ips[i].family,
			};
	b->out.ports = b->ports;
}

/* ---- addresses ---- */

static void note(struct compilation *b, enum frontend_kind kind, enum address_fault fault, const struct addr *addr)
{
	if (b->out.note_count < b->note_room)
		b->notes[b->out.note_count++] =
			(struct address_note){.addr = *addr, .kind = (uint8_t)kind, .fault = (uint8_t)fault};
}

static void note_port(struct compilation *b, enum frontend_kind kind, const struct frontend_key *key)
{
	if (b->out.note_count == b->note_room)
		return;
	note(b, kind, ADDRESS_OWN_SOCKET, &key->addr);
	b->notes[b->out.note_count - 1].proto = key->proto;
	b->notes[b->out.note_count - 1].port = key->port;
}

static bool allowed(struct compilation *b, enum frontend_kind kind, const struct addr *addr)
{
	bool balancer = b->in->object->type == SERVICE_LOAD_BALANCER;
	enum address_fault fault = address_check(&b->in->node->addresses, kind, balancer, addr);

	if (fault != ADDRESS_FINE)
		note(b, kind, fault, addr);
	return fault == ADDRESS_FINE || fault == ADDRESS_SHARED;
}

/* The addresses that frontends are made of: by kind, those that are allowed. */
struct addresses {
	struct addr *of[FRONTEND_NODE_PORT];
	size_t count[FRONTEND_NODE_PORT];
};

static void addresses_take(struct compilation *b, struct addresses *list, enum frontend_kind kind,
			   const struct addr *addr)
{
	if (addr->family != 0 && allowed(b, kind, addr))
		list->of[kind][list->count[kind]++] = *addr;
}

/* An address that the operator names: link-local as a rule, which no object may say. */
static void take_local(const struct compilation *b, struct addresses *list)
{
	const struct steered_dns *s = &b->in->node->steered;

	for (size_t i = 0; i < s->local_count && build_cluster_dns(b); i++)
		list->of[FRONTEND_CLUSTER_IP][list->count[FRONTEND_CLUSTER_IP]++] = s->local[i];
}

static struct addresses take_all(struct compilation *b)
{
	const struct service_object *o = b->in->object;
	const size_t local_count = b->in->node->steered.local_count;
	struct addresses list = {0};

	list.of[FRONTEND_CLUSTER_IP] =
		arena_array(b->scratch, b->out.cluster_ip_count + local_count, sizeof(struct addr));
	list.of[FRONTEND_LOAD_BALANCER] = arena_array(b->scratch, o->ingress_count, sizeof(struct addr));
	list.of[FRONTEND_EXTERNAL_IP] = arena_array(b->scratch, o->external_ip_count, sizeof(struct addr));
	for (size_t i = 0; i < b->out.cluster_ip_count; i++) {
		const struct addr *ip = &b->out.cluster_ips[i];
		addresses_take(b, &list, FRONTEND_CLUSTER_IP, ip);
		b->out.shared[i] = address_is_special(ip) || address_is_local(&b->in->node->addresses, ip);
	}
	take_local(b, &list);
	for (size_t i = 0; i < o->ingress_count; i++)
		if (!o->ingress[i].proxy_mode)
			addresses_take(b, &list, FRONTEND_LOAD_BALANCER, &o->ingress[i].addr);
	for (size_t i = 0; i < o->external_ip_count; i++)
		addresses_take(b, &list, FRONTEND_EXTERNAL_IP, &o->external_ips[i]);
	return list;
}

/* ---- frontends ---- */

static void frontend_add(struct compilation *b, size_t port, enum frontend_kind kind, const struct addr *addr,
			 uint16_t number)
{
	const struct service_port *p = &b->ports[port];
	const struct frontend_key key = {.addr = *addr, .proto = p->proto, .port = number};

	if (addr->family != p->family)
		return;
	if (address_is_own(&b->in->node->addresses, &key)) {
		note_port(b, kind, &key);
		return;
	}
	b->frontends[b->out.frontend_count++] = (struct frontend){
		.key = key,
		.service_port = (uint16_t)port,
		.kind = (uint8_t)kind,
		.split = kind != FRONTEND_CLUSTER_IP && build_external_local(b),
	};
}

static void add_port(struct compilation *b, size_t port, const struct addresses *list)
{
	const struct node_facts *node = b->in->node;
	const struct service_port *p = &b->ports[port];

	for (int kind = 0; kind < FRONTEND_NODE_PORT; kind++)
		for (size_t i = 0; i < list->count[kind]; i++)
			frontend_add(b, port, (enum frontend_kind)kind, &list->of[kind][i], p->port);
	for (size_t i = 0; p->node_port != 0 && i < node->node_port_addr_count; i++)
		frontend_add(b, port, FRONTEND_NODE_PORT, &node->node_port_addrs[i], p->node_port);
}

static int by_key(const void *a, const void *b)
{
	const struct frontend *x = a, *y = b;
	int c = frontend_key_compare(&x->key, &y->key);

	if (c == 0)
		c = (int)x->kind - (int)y->kind;
	return c != 0 ? c : (int)x->service_port - (int)y->service_port;
}

/* Of two frontends with one key the kind named first in enum frontend_kind stays: source ranges always hold. */
void compile_frontends(struct compilation *b)
{
	const struct service_object *o = b->in->object;
	size_t each = b->out.cluster_ip_count + b->in->node->steered.local_count + o->ingress_count +
		      o->external_ip_count + b->in->node->node_port_addr_count;
	size_t kept = 0;

	b->note_room = each + NOTES_OF_PORTS_MAX;
	b->notes = arena_array(b->scratch, b->note_room, sizeof *b->notes);
	b->out.notes = b->notes;
	const struct addresses list = take_all(b);
	b->frontends = arena_array(b->scratch, b->out.port_count * each, sizeof *b->frontends);
	for (size_t i = 0; i < b->out.port_count; i++)
		add_port(b, i, &list);
	qsort(b->frontends, b->out.frontend_count, sizeof *b->frontends, by_key);
	for (size_t i = 0; i < b->out.frontend_count; i++)
		if (kept == 0 || frontend_key_compare(&b->frontends[kept - 1].key, &b->frontends[i].key) != 0)
			b->frontends[kept++] = b->frontends[i];
	b->out.frontend_count = (uint32_t)kept;
	b->out.frontends = b->frontends;
}

void compile_actions(struct compilation *b)
{
	for (size_t i = 0; i < b->out.frontend_count; i++) {
		struct frontend *f = &b->frontends[i];
		const struct service_port *p = &b->ports[f->service_port];
		bool local = f->kind == FRONTEND_CLUSTER_IP ? build_internal_local(b) : f->split;
		const struct pool *pool = local ? &p->local : &p->cluster;

		if (!b->port_any[f->service_port]) {
			f->action = ACTION_REJECT;
			f->split = false; /* no client is served: no need to look where it is */
			continue;
		}
		f->action = pool->count != 0 ? ACTION_BALANCE : ACTION_DROP;
		f->pool = pool->count != 0 ? pool : NULL;
		f->internal = f->split ? &p->cluster : NULL;
	}
}

/* ---- loadBalancerSourceRanges ---- */

static int by_range(const void *a, const void *b)
{
	const struct cidr *x = a, *y = b;
	int c = addr_compare(&x->addr, &y->addr);

	return c != 0 ? c : (int)x->prefix - (int)y->prefix;
}

/* No filter for a family without a range, nor where one range has every address. */
static bool family_restricted(const struct service_object *o, int family)
{
	bool any = false;

	for (size_t i = 0; i < o->source_range_count; i++) {
		if (o->source_ranges[i].addr.family != family)
			continue;
		if (o->source_ranges[i].prefix == 0)
			return false;
		any = true;
	}
	return any;
}

/* Of the node's IPs the first of a family is the one that kube-proxy knows. */
static bool node_allowed(const struct compilation *b, int family)
{
	const struct service_object *o = b->in->object;
	const struct node_facts *node = b->in->node;
	size_t first = 0;

	while (first < node->ip_count && node->ips[first].family != family)
		first++;
	for (size_t i = 0; first < node->ip_count && i < o->source_range_count; i++)
		if (cidr_contains(&o->source_ranges[i], &node->ips[first]))
			return true;
	return false;
}

/* Returns how many ranges there are now. */
static size_t family_ranges(const struct compilation *b, int family, struct cidr *ranges, size_t count)
{
	const struct service_object *o = b->in->object;

	for (size_t i = 0; i < o->source_range_count; i++)
		if (o->source_ranges[i].addr.family == family)
			ranges[count++] = o->source_ranges[i];
	/* The node reaches a load balancer's address with that very address as source when it is bound here (A.5). */
	for (size_t i = 0; node_allowed(b, family) && i < o->ingress_count; i++)
		if (o->ingress[i].addr.family == family && !o->ingress[i].proxy_mode)
			ranges[count++] = cidr_host(&o->ingress[i].addr);
	return count;
}

/* Interval sets refuse overlaps, and prefixes either nest or are apart: keep the outer ones. */
static size_t drop_nested(struct cidr *ranges, size_t count)
{
	size_t kept = 0;

	qsort(ranges, count, sizeof *ranges, by_range);
	for (size_t i = 0; i < count; i++)
		if (kept == 0 || !cidr_contains(&ranges[kept - 1], &ranges[i].addr))
			ranges[kept++] = ranges[i];
	return kept;
}

void compile_source_ranges(struct compilation *b)
{
	const struct service_object *o = b->in->object;
	bool restricted[2] = {family_restricted(o, AF_INET), family_restricted(o, AF_INET6)};
	bool used[2] = {false, false};
	size_t count = 0;

	for (size_t i = 0; i < b->out.frontend_count; i++) {
		struct frontend *f = &b->frontends[i];
		bool v6 = f->key.addr.family == AF_INET6;
		f->restricted = restricted[v6] && (f->kind == FRONTEND_LOAD_BALANCER || o->source_ranges_everywhere);
		used[v6] = used[v6] || f->restricted;
	}
	struct cidr *ranges = arena_array(b->scratch, o->source_range_count + o->ingress_count, sizeof *ranges);
	if (used[0])
		count = family_ranges(b, AF_INET, ranges, count);
	if (used[1])
		count = family_ranges(b, AF_INET6, ranges, count);
	b->out.source_range_count = (uint32_t)drop_nested(ranges, count);
	b->out.source_ranges = ranges;
}
