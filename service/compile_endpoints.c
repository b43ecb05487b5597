/* Endpoints of each service port: merged over slices by port name and protocol (E.4), chosen (A.6), put into slots. */
#include <stdlib.h>
#include <string.h>

#include "service/compile_private.h"
#include "service/maglev.h"
#include "service/pool.h"
#include "service/topology.h"

struct list {
	struct candidate *items;
	size_t count, left_out;
};

static uint8_t conditions(const struct endpoint_object *e, const char *node)
{
	unsigned flags = 0;

	if (e->ready)
		flags |= TARGET_READY;
	if (e->serving)
		flags |= TARGET_SERVING;
	if (e->terminating)
		flags |= TARGET_TERMINATING;
	if (node != NULL && e->node_name != NULL && strcmp(e->node_name, node) == 0)
		flags |= TARGET_ON_NODE;
	return (uint8_t)flags;
}

static void collect_slice(struct list *l, const struct slice_object *slice, uint16_t port, const char *node)
{
	for (size_t i = 0; i < slice->endpoint_count; i++) {
		const struct endpoint_object *e = &slice->endpoints[i];
		if (e->addr.family != slice->family || address_is_special(&e->addr))
			continue; /* a special one never is a pod, and would lead into the node (CVE-2021-25737) */
		l->items[l->count] = (struct candidate){
			.target = {.addr = e->addr, .port = port, .flags = conditions(e, node)},
			.endpoint = e,
			.order = (uint32_t)l->count,
		};
		l->count++;
	}
}

static struct list collect(const struct compilation *b, struct feeds feeds)
{
	struct list l = {.items = arena_array(b->scratch, feeds_endpoints(feeds), sizeof *l.items)};

	for (size_t i = 0; i < feeds.count; i++)
		collect_slice(&l, feeds.items[i].slice, feeds.items[i].port, b->in->node->name);
	return l;
}

static int by_target(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;
	int c = target_compare(&x->target, &y->target);

	return c != 0 ? c : (x->order > y->order) - (x->order < y->order);
}

/* Of the same endpoint in two slices the higher one counts; terminating ones are equal, whatever else they are. */
static int standing(const struct target *t)
{
	if ((t->flags & TARGET_TERMINATING) != 0)
		return 0;
	return (t->flags & TARGET_READY) != 0 ? 2 : 1;
}

/*
 * One entry per address and port. One that is not terminating replaces one that is, and a ready one replaces one that
 * is not ready, as in DNS; among equals the first by slice name stays, so that the choice does not flap with the order
 * of arrival. There are as many slots as TARGETS_MAX.
 */
static void drop_repeats(struct list *l)
{
	const struct target *left_out = NULL;
	size_t kept = 0;

	qsort(l->items, l->count, sizeof *l->items, by_target);
	for (size_t i = 0; i < l->count; i++) {
		struct candidate *last = kept != 0 ? &l->items[kept - 1] : NULL;
		if (kept == TARGETS_MAX && target_compare(&last->target, &l->items[i].target) != 0) {
			l->left_out += left_out == NULL || target_compare(left_out, &l->items[i].target) != 0;
			left_out = &l->items[i].target;
		} else if (last == NULL || target_compare(&last->target, &l->items[i].target) != 0) {
			l->items[kept++] = l->items[i];
		} else if (standing(&l->items[i].target) > standing(&last->target)) {
			*last = l->items[i];
		}
	}
	l->count = kept;
}

static struct pool_previous previous_of(const struct service_port *before, const struct pool *pool, struct arena *arena)
{
	struct target *slots = arena_array(arena, pool->count, sizeof *slots);

	for (uint32_t i = 0; i < pool->count; i++)
		slots[i] = before->targets[pool->slots[i]];
	return (struct pool_previous){.size = pool->size, .count = pool->count, .slots = slots};
}

/* How many of the slots hold endpoints that the pool wants now. */
static uint32_t fitting(const struct service_port *port, const struct pool_previous *previous, unsigned flag)
{
	uint32_t fits = 0;

	for (uint32_t i = 0; i < previous->count; i++) {
		uint32_t at = service_port_find(port, &previous->slots[i].addr, previous->slots[i].port);
		fits += at < port->target_count && target_compare(&port->targets[at], &previous->slots[i]) == 0 &&
			(port->targets[at].flags & flag) != 0;
	}
	return fits;
}

/*
 * The kernel's slots: a frontend of the port that uses the pool shows them; where split, the cluster pool is second.
 * A key that another service has won shows that one's slots, so the frontend that fits best is believed.
 */
static struct pool_previous restored(const struct compilation *b, const struct service_port *port, bool local)
{
	unsigned flag = local ? TARGET_IN_LOCAL : TARGET_IN_CLUSTER;
	struct pool_previous best = {0};
	uint32_t best_fits = 0;

	size_t at = (size_t)(port - b->ports);

	for (size_t i = b->index.first[at]; b->in->restore != NULL && i < b->index.first[at + 1]; i++) {
		const struct frontend *f = &b->frontends[b->index.frontends[i]];
		bool first_local = f->kind == FRONTEND_CLUSTER_IP ? build_internal_local(b) : f->split;
		if (first_local != local && !(f->split && !local))
			continue;
		struct pool_previous previous = slot_restore_previous(b->in->restore, &f->key, f->split && !local);
		uint32_t fits = fitting(port, &previous, flag);
		if (best.count == 0 || fits > best_fits ||
		    (fits == best_fits && previous.count != 0 && previous.count < best.count)) {
			best = previous;
			best_fits = fits;
		}
	}
	return best;
}

static struct pool fill_pool(const struct compilation *b, const struct service_port *port, const struct list *l,
			     bool local)
{
	unsigned flag = local ? TARGET_IN_LOCAL : TARGET_IN_CLUSTER;
	struct pool_member *members = arena_array(b->scratch, l->count, sizeof *members);
	const struct service_port *before = compile_index_before(b, port);
	struct pool_previous previous = {0};
	size_t count = 0;

	for (size_t i = 0; i < l->count; i++)
		if ((l->items[i].target.flags & flag) != 0)
			members[count++] = (struct pool_member){(uint16_t)i, l->items[i].endpoint->weight};
	if (b->out.maglev)
		return maglev_fill(port->targets, members, count, build_maglev_fits(b), b->scratch);
	if (before != NULL)
		previous = previous_of(before, local ? &before->local : &before->cluster, b->scratch);
	else if (b->in->prev == NULL)
		previous = restored(b, port, local);
	return pool_assign(port->targets, members, count, &previous, b->scratch);
}

static bool reachable_from_outside(const struct compilation *b, size_t port)
{
	if (b->ports[port].node_port != 0)
		return true;
	for (size_t i = b->index.first[port]; i < b->index.first[port + 1]; i++)
		if (b->frontends[b->index.frontends[i]].kind != FRONTEND_CLUSTER_IP)
			return true;
	return false;
}

static bool is_ourselves(const struct compilation *b, const struct target *t, uint8_t proto)
{
	const struct frontend_key key = {.addr = t->addr, .proto = proto, .port = t->port};

	return address_is_own(&b->in->node->addresses, &key);
}

/* The rules are for when this process does not answer. Unless it is the only endpoint: then it may be back soon. */
static void step_aside(const struct compilation *b, struct list *l, uint8_t proto)
{
	bool others = false;

	if (!b->in->node->steered.on || !build_cluster_dns(b))
		return;
	for (size_t i = 0; i < l->count; i++)
		others |= (l->items[i].target.flags & TARGET_IN_CLUSTER) != 0 &&
			  !is_ourselves(b, &l->items[i].target, proto);
	for (size_t i = 0; others && i < l->count; i++)
		if (is_ourselves(b, &l->items[i].target, proto)) {
			l->items[i].target.flags &= (uint8_t)~TARGET_IN_CLUSTER;
			l->items[i].target.flags |= TARGET_OURSELVES;
		}
}

static void compile_port(struct compilation *b, size_t at)
{
	struct service_port *port = &b->ports[at];
	bool outside = reachable_from_outside(b, at);
	struct topology_use use = {
		.cluster = !build_internal_local(b) || outside,
		.local = build_internal_local(b) || (build_external_local(b) && outside),
	};
	struct list l = collect(b, compile_index_find(b, port));

	drop_repeats(&l);
	port->topology = (uint8_t)topology_choose(l.items, l.count, use, b->in->node->name, b->in->node->zone);
	step_aside(b, &l, port->proto);
	b->port_any[at] = topology_any(l.items, l.count);
	struct target *targets = arena_array(b->scratch, l.count, sizeof *targets);
	for (size_t i = 0; i < l.count; i++)
		targets[i] = l.items[i].target;
	port->target_count = (uint32_t)l.count;
	port->left_out = (uint32_t)l.left_out;
	port->targets = targets;
	port->cluster = fill_pool(b, port, &l, false);
	port->local = fill_pool(b, port, &l, true);
}

void compile_endpoints(struct compilation *b)
{
	b->port_any = arena_array(b->scratch, b->out.port_count, sizeof *b->port_any);
	for (size_t i = 0; i < b->out.port_count; i++)
		compile_port(b, i);
}

/* ---- health check ---- */

static int by_addr(const void *a, const void *b)
{
	return addr_compare(a, b);
}

/*
 * Distinct ready addresses on this node (not address and port): what cloud load balancers weigh nodes by. Of an
 * endpoint that stands in two slices the one counts that gets the connections.
 */
void compile_health(struct compilation *b)
{
	const unsigned counted = TARGET_READY | TARGET_ON_NODE;
	const struct compile_index *x = &b->index;
	size_t count = 0, room = 0;

	for (size_t i = 0; i < x->group_count; i++)
		room += feeds_endpoints(x->groups[i]);
	struct addr *addrs = arena_array(b->scratch, room, sizeof *addrs);
	for (size_t i = 0; i < x->group_count; i++) {
		struct list l = collect(b, x->groups[i]);
		drop_repeats(&l);
		for (size_t k = 0; k < l.count; k++)
			if ((l.items[k].target.flags & counted) == counted)
				addrs[count++] = l.items[k].target.addr;
	}
	qsort(addrs, count, sizeof *addrs, by_addr);
	for (size_t i = 0; i < count; i++)
		if (i == 0 || !addr_equal(&addrs[i], &addrs[i - 1]))
			b->out.local_ready_addrs[addrs[i].family == AF_INET6]++;
}
