/* Allocates what one Service needs. */
#include "watch/lab/allocate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "watch/lab/allocate_private.h"

enum purpose { FOR_CLUSTER = 1, FOR_BALANCER, FOR_NODE_PORT, FOR_HEALTH };

/* ---- ranges ---- */

void lab_pools_set(struct lab_pools *p, const struct cidr_list *ranges, struct range (*range_of)(const struct cidr *c))
{
	free(p->items);
	*p = (struct lab_pools){.items = mem_array(ranges->count, sizeof *p->items)};
	for (size_t i = 0; i < ranges->count; i++)
		p->items[p->count++] = (struct lab_pool){range_of(&ranges->items[i]), ranges->items[i], false};
}

void allocator_families(struct allocator *a)
{
	struct families *f = &a->families;

	*f = (struct families){0};
	for (size_t i = 0; i < a->services.count && f->count < 2; i++) {
		const uint8_t family = a->services.items[i].cidr.addr.family;
		if (!families_have(f, family))
			f->items[f->count++] = family;
	}
}

void allocator_fini(struct allocator *a)
{
	uses_fini(&a->uses);
	free(a->services.items);
	free(a->balancers.items);
}

struct picking {
	struct uses *uses;
	const struct range *range;
};

static struct used place_used(const struct range *r, uint32_t place)
{
	if (r->base.family == 0)
		return used_port((uint16_t)(r->first + place));
	const struct addr a = range_address(r, place);
	return used_addr(&a);
}

static bool place_is_free(void *ctx, uint32_t place)
{
	const struct picking *p = ctx;
	const struct used what = place_used(p->range, place);

	return uses_is_free(p->uses, &what);
}

/* False: the range is full. */
static bool pool_take(struct allocation *x, struct lab_pool *pool, uint64_t hash, struct used *taken)
{
	struct picking p = {&x->a->uses, &pool->range};
	const uint32_t place = pool->full ? UINT32_MAX : range_pick(&pool->range, hash, place_is_free, &p);

	pool->full = place == UINT32_MAX;
	if (pool->full)
		return false;
	*taken = place_used(&pool->range, place);
	return uses_allocate(&x->a->uses, taken, x->owner);
}

static void full_forget(struct lab_pools *p)
{
	for (size_t i = 0; i < p->count; i++)
		p->items[i].full = false;
}

static void released(struct allocator *a)
{
	a->released = true;
	full_forget(&a->services);
	full_forget(&a->balancers);
	a->node_ports.full = false;
}

static void give_back(struct allocator *a, const struct used *what, const void *owner)
{
	uses_release(&a->uses, what, owner);
	released(a);
}

/* ---- keeping ---- */

static void keep_addr(struct allocation *x, struct addr *a, bool needed, const struct lab_pools *pools)
{
	const struct used what = used_addr(a);

	if (a->family == 0)
		return;
	if (needed && pools_hold(pools, a) && uses_allocate(&x->a->uses, &what, x->owner))
		return;
	give_back(x->a, &what, x->owner);
	*a = (struct addr){0};
}

/* False: it is given back. */
static bool keep_port(struct allocation *x, uint16_t port, bool needed)
{
	const struct used what = used_port(port);
	const struct range *r = &x->a->node_ports.range;

	if (needed && port >= r->first && port - r->first < r->count && uses_allocate(&x->a->uses, &what, x->owner))
		return true;
	give_back(x->a, &what, x->owner);
	return false;
}

static bool port_is_needed(const struct service_object *s, const char *name)
{
	for (size_t i = 0; i < s->port_count; i++)
		if (s->ports[i].node_port == 0 && strcmp(s->ports[i].name, name) == 0 &&
		    wants_node_port(s, &s->ports[i]))
			return true;
	return false;
}

void allocate_keep(struct allocation *x)
{
	struct allocated *had = x->had;

	for (unsigned i = 0; i < 2; i++) {
		const uint8_t family = i == 0 ? AF_INET : AF_INET6;
		keep_addr(x, &had->cluster_ips[i], wants_cluster_ip(x, family), &x->a->services);
		keep_addr(x, &had->balancer_ips[i], wants_balancer_ip(x, family), &x->a->balancers);
	}
	for (int needed = 0; needed < 2; needed++) /* two may share one: it is given back before the other takes it */
		for (size_t i = had->port_count; i-- > 0;)
			if (port_is_needed(x->s, had->ports[i].name) == (needed != 0) &&
			    !keep_port(x, had->ports[i].node_port, needed != 0))
				allocated_port_set(had, had->ports[i].name, 0);
	if (had->health_port != 0 && !keep_port(x, had->health_port, wants_health_port(x->s)))
		had->health_port = 0;
}

void allocate_release(struct allocator *a, const struct allocated *had, const void *owner)
{
	for (unsigned i = 0; i < 2; i++) {
		const struct used cluster = used_addr(&had->cluster_ips[i]),
				  balancer = used_addr(&had->balancer_ips[i]);
		give_back(a, &cluster, owner);
		give_back(a, &balancer, owner);
	}
	for (size_t i = 0; i < had->port_count; i++) {
		const struct used what = used_port(had->ports[i].node_port);
		give_back(a, &what, owner);
	}
	const struct used health = used_port(had->health_port);
	give_back(a, &health, owner);
}

/* ---- taking ---- */

static uint64_t hash_of(const struct allocation *x, enum purpose purpose, const char *detail)
{
	return hash_text(detail, hash_text(x->s->object.name, hash_text(x->s->object.ns, purpose)));
}

static bool take_addr(struct allocation *x, struct lab_pools *pools, uint8_t family, enum purpose purpose,
		      struct addr *a)
{
	struct used taken;

	for (size_t i = 0; i < pools->count; i++) {
		if (pools->items[i].cidr.addr.family != family ||
		    !pool_take(x, &pools->items[i], hash_of(x, purpose, ""), &taken))
			continue;
		*a = taken.addr;
		return true;
	}
	return false;
}

static bool take_addrs(struct allocation *x)
{
	char reason[128];
	bool all = true;

	for (unsigned i = 0; i < 2; i++) {
		const uint8_t family = i == 0 ? AF_INET : AF_INET6;
		if (x->had->cluster_ips[i].family == 0 && wants_cluster_ip(x, family) &&
		    !take_addr(x, &x->a->services, family, FOR_CLUSTER, &x->had->cluster_ips[i])) {
			snprintf(reason, sizeof reason, "no %s address is free in the service ranges",
				 family_name(family));
			x->say(x->ctx, "spec.clusterIPs", reason);
			all = false;
		}
		if (x->had->balancer_ips[i].family == 0 && wants_balancer_ip(x, family) &&
		    !take_addr(x, &x->a->balancers, family, FOR_BALANCER, &x->had->balancer_ips[i])) {
			snprintf(reason, sizeof reason, "no %s address is free in --lb-pool", family_name(family));
			x->say(x->ctx, "status.loadBalancer.ingress", reason);
			all = false;
		}
	}
	return all;
}

static uint16_t take_port(struct allocation *x, enum purpose purpose, const char *detail, const char *field)
{
	char reason[128];
	struct used taken;

	if (pool_take(x, &x->a->node_ports, hash_of(x, purpose, detail), &taken))
		return taken.port;
	snprintf(reason, sizeof reason, "no port is free in %u-%u (see --service-node-port-range)",
		 x->a->node_ports.range.first, x->a->node_ports.range.first + x->a->node_ports.range.count - 1);
	x->say(x->ctx, field, reason);
	return 0;
}

/* What a port of the same number was given; 0: nothing. */
static uint16_t sibling_port(const struct allocation *x, const struct port_object *p)
{
	uint16_t port;

	for (size_t i = 0; i < x->s->port_count; i++)
		if (x->s->ports[i].port == p->port && (port = allocated_port(x->had, x->s->ports[i].name)) != 0)
			return port;
	return 0;
}

static bool take_ports(struct allocation *x)
{
	const struct service_object *s = x->s;

	for (size_t i = 0; i < s->port_count; i++) {
		const struct port_object *p = &s->ports[i];
		char field[48];
		if (!wants_node_port(s, p) || allocated_port(x->had, p->name) != 0)
			continue;
		uint16_t port = sibling_port(x, p);
		snprintf(field, sizeof field, "spec.ports[%zu].nodePort", i);
		if (port == 0 && (port = take_port(x, FOR_NODE_PORT, p->name, field)) == 0)
			return false;
		allocated_port_set(x->had, p->name, port);
	}
	if (wants_health_port(s) && x->had->health_port == 0)
		x->had->health_port = take_port(x, FOR_HEALTH, "", "spec.healthCheckNodePort");
	return !wants_health_port(s) || x->had->health_port != 0;
}

/* What can be told without looking at what is free. */
static bool check_balancer(struct allocation *x)
{
	const struct addr *wish = &service_wishes(x->s)->balancer_ip;
	char reason[128], text[ADDR_TEXT_BYTES];
	bool any = false;

	if (!wants_balancer(x))
		return true;
	if (wish->family != 0 && !wants_written_balancer(x->a, x->s)) {
		snprintf(reason, sizeof reason, "%s is not in --lb-pool", addr_format(wish, text));
		x->say(x->ctx, "spec.loadBalancerIP", reason);
		return false;
	}
	for (size_t i = 0; i < x->families.count; i++)
		any = any || pools_have_family(&x->a->balancers, x->families.items[i]);
	if (!any)
		x->say(x->ctx, "status.loadBalancer.ingress", "--lb-pool has no range of the Service's family");
	return any;
}

/* The work for each of these is linear in the ports. */
static bool few_ports(const struct allocation *x)
{
	char reason[128];
	size_t count = 0;

	for (size_t i = 0; wants_node_ports(x->s) && i < x->s->port_count; i++)
		count += x->s->ports[i].node_port == 0;
	if (count <= ALLOCATED_PORTS_MAX)
		return true;
	snprintf(reason, sizeof reason, "%zu ports without nodePort; a Service is given at most %u: write the others",
		 count, ALLOCATED_PORTS_MAX);
	x->say(x->ctx, "spec.ports", reason);
	return false;
}

bool allocate_begin(struct allocation *x)
{
	const char *field, *wrong;

	x->families = (struct families){0};
	if (x->s->type == SERVICE_EXTERNAL_NAME)
		return true;
	wrong = families_decide(&x->families, x->s, &x->a->families, &field);
	if (wrong != NULL)
		x->say(x->ctx, field, wrong);
	return wrong == NULL && few_ports(x);
}

bool allocate_rest(struct allocation *x)
{
	const bool addrs = take_addrs(x), ports = take_ports(x), balancer = check_balancer(x);

	return addrs && ports && balancer;
}

/* ---- what is written by hand ---- */

struct writing {
	struct allocator *a;
	bool written;
	void (*evict)(void *ctx, void *owner, const struct used *what);
	void *ctx;
};

static void write_one(const struct writing *w, const struct used *what)
{
	void *owner;

	if (!w->written) {
		uses_unwrite(&w->a->uses, what);
		released(w->a);
	} else if ((owner = uses_write(&w->a->uses, what)) != NULL) {
		uses_release(&w->a->uses, what, owner);
		w->evict(w->ctx, owner, what);
	}
}

static void write_addr(const struct writing *w, const struct addr *a)
{
	const struct used what = used_addr(a);

	if (a->family != 0)
		write_one(w, &what);
}

static void write_port(const struct writing *w, uint16_t port)
{
	const struct used what = used_port(port);

	if (port != 0)
		write_one(w, &what);
}

void allocate_written(struct allocator *a, const struct service_object *s, bool written,
		      void (*evict)(void *ctx, void *owner, const struct used *what), void *ctx)
{
	const struct writing w = {a, written, evict, ctx};

	for (size_t i = 0; i < s->cluster_ip_count; i++)
		write_addr(&w, &s->cluster_ips[i]);
	for (size_t i = 0; i < s->external_ip_count; i++)
		write_addr(&w, &s->external_ips[i]);
	for (size_t i = 0; i < s->ingress_count; i++)
		write_addr(&w, &s->ingress[i].addr);
	if (wants_written_balancer(a, s))
		write_addr(&w, &service_wishes(s)->balancer_ip);
	for (size_t i = 0; i < s->port_count; i++)
		write_port(&w, s->ports[i].node_port);
	write_port(&w, s->health_check_node_port);
}
