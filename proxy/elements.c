/* Turns compiled services into elements and compares lists of elements. */
#include "proxy/elements.h"

/* ---- services to elements ---- */

struct emitter {
	struct element_list *out;
	const struct service *service;
	const struct frontend *frontend;
};

static struct element element_at(const struct emitter *m, enum set_id set)
{
	const struct frontend_key *key = &m->frontend->key;

	return (struct element){.set = (uint8_t)set, .daddr = key->addr, .proto = key->proto, .port = key->port};
}

/* A verdict that balances, or the refusal that stands in for it. */
static void emit_verdict(const struct emitter *m, enum set_id set, enum verdict_kind kind, const struct pool *pool)
{
	struct element e = element_at(m, set);

	e.verdict.kind = (uint8_t)kind;
	if (pool != NULL) {
		e.verdict.affinity = m->service->affinity;
		e.verdict.maglev = m->service->maglev;
		e.verdict.size = pool->size;
	}
	element_list_add(m->out, &e);
}

static void emit_slots(const struct emitter *m, const struct pool *pool, enum set_id set)
{
	struct element e = element_at(m, set);

	for (uint32_t i = 0; pool != NULL && i < pool->count; i++) {
		const struct target *t = service_target(m->service, m->frontend, pool, i);
		e.slot = i;
		e.to = t->addr;
		e.to_port = t->port;
		element_list_add(m->out, &e);
	}
}

static enum verdict_kind refusal(const struct frontend *f)
{
	return f->action == ACTION_DROP ? VERDICT_DROP : VERDICT_REJECT;
}

/* externalTrafficPolicy Local: two answers, by where the client is. */
static void emit_split(const struct emitter *m)
{
	const struct frontend *f = m->frontend;

	emit_verdict(m, SET_LOCAL, f->pool != NULL ? VERDICT_PICK : refusal(f), f->pool);
	emit_verdict(m, SET_INTERNAL, VERDICT_PICK_INTERNAL, f->internal);
	emit_slots(m, f->pool, SET_ENDPOINTS);
	emit_slots(m, f->internal, SET_INTERNAL_ENDPOINTS);
}

static void emit_plain(const struct emitter *m, enum set_id set)
{
	const struct frontend *f = m->frontend;
	enum verdict_kind balance = f->kind == FRONTEND_CLUSTER_IP ? VERDICT_CLUSTER : VERDICT_EXTERNAL;

	emit_verdict(m, set, f->pool != NULL ? balance : refusal(f), f->pool);
	emit_slots(m, f->pool, SET_ENDPOINTS);
}

static void emit_source_ranges(const struct emitter *m)
{
	struct element restricted = element_at(m, SET_RESTRICTED), e = element_at(m, SET_ALLOWED_SOURCES);

	element_list_add(m->out, &restricted);
	for (size_t i = 0; i < m->service->source_range_count; i++) {
		e.range = m->service->source_ranges[i];
		if (e.range.addr.family == e.daddr.family)
			element_list_add(m->out, &e);
	}
}

static void emit_affinity(const struct emitter *m)
{
	struct element e = element_at(m, SET_AFFINITY_FRONTENDS);

	e.verdict.kind = VERDICT_AFFINITY_RECORD;
	e.verdict.timeout_s = m->service->affinity_timeout_s;
	element_list_add(m->out, &e);
}

static void emit_frontend(struct element_list *out, const struct service *s, const struct frontend *f)
{
	struct emitter m = {.out = out, .service = s, .frontend = f};

	if (f->restricted || f->split)
		emit_verdict(&m, SET_DISPATCH, VERDICT_BY_SOURCE, NULL);
	if (f->restricted)
		emit_source_ranges(&m);
	if (f->split)
		emit_split(&m);
	else
		emit_plain(&m, f->restricted ? SET_SOURCE_RANGES : SET_DISPATCH);
	if (s->affinity && (f->pool != NULL || f->internal != NULL))
		emit_affinity(&m);
}

/* Not of an address that is the node's, too: its other ports are those of other programs. */
static void emit_ip(struct element_list *out, const struct service *s, const struct addr *cluster_ip)
{
	struct element e = {.set = SET_CLUSTER_IPS, .daddr = *cluster_ip};

	for (size_t i = 0; i < s->cluster_ip_count; i++)
		if (addr_equal(&s->cluster_ips[i], cluster_ip) && !s->shared[i])
			element_list_add(out, &e);
}

static bool owns(const struct service *s, const struct frontend_key *key, const struct owners *owners)
{
	return owners == NULL || owners_find(owners, key) == s;
}

void elements_collect(struct element_list *out, const struct service *s, const struct owners *owners)
{
	for (size_t i = 0; i < s->frontend_count; i++)
		if (owns(s, &s->frontends[i].key, owners))
			emit_frontend(out, s, &s->frontends[i]);
	for (size_t i = 0; s->proxied && i < s->cluster_ip_count; i++) {
		struct frontend_key key = owners_ip_key(&s->cluster_ips[i]);
		if (owns(s, &key, owners))
			emit_ip(out, s, &s->cluster_ips[i]);
	}
}

void elements_collect_key(struct element_list *out, const struct service *s, const struct frontend_key *key)
{
	const struct frontend *f = service_frontend(s, key);

	if (key->proto == 0 && s->proxied)
		emit_ip(out, s, &key->addr);
	else if (f != NULL)
		emit_frontend(out, s, f);
}

/* ---- differences ---- */

bool elements_counter_stays(const struct element *e)
{
	return e->set == SET_DISPATCH || e->set == SET_SOURCE_RANGES || e->set == SET_LOCAL || e->set == SET_INTERNAL;
}

static void replace(const struct element *have, const struct element *want, const struct element_ops *ops)
{
	struct element e = *want;

	if (elements_counter_stays(have)) {
		e.packets = have->packets;
		e.bytes = have->bytes;
	}
	ops->del(ops->ctx, have);
	ops->add(ops->ctx, &e);
}

size_t elements_reconcile(struct element_list *want, struct element_list *have, const struct element_ops *ops)
{
	size_t w = 0, h = 0, operations = 0;

	if (have->count != 0) { /* after a flush the load is all that takes time */
		element_list_sort(want);
		element_list_sort(have);
	}
	while (w < want->count || h < have->count) {
		const struct element *x = w < want->count ? &want->items[w] : NULL;
		const struct element *y = h < have->count ? &have->items[h] : NULL;
		if (x != NULL && y != NULL && element_same_key(x, y)) {
			if (!element_equal(x, y)) {
				replace(y, x, ops);
				operations += 2;
			}
			w++;
			h++;
		} else if (y == NULL || (x != NULL && element_compare(x, y) < 0)) {
			ops->add(ops->ctx, x);
			operations++;
			w++;
		} else {
			ops->del(ops->ctx, y);
			operations++;
			h++;
		}
	}
	return operations;
}

bool elements_affinity_stale(const struct element *e, const struct owners *owners, bool outside)
{
	struct frontend_key key = frontend_key_of(e);
	const struct service *owner;
	const struct frontend *f = owners_frontend(owners, &key, &owner);

	if (f == NULL || !owner->affinity)
		return true;
	const struct service_port *p = &owner->ports[f->service_port];
	uint32_t at = service_port_find(p, &e->to, e->to_port);
	if (at == p->target_count || !addr_equal(&p->targets[at].addr, &e->to) || p->targets[at].port != e->to_port)
		return true;
	unsigned used = 0;
	if (f->pool != NULL)
		used |= f->pool == &p->local ? TARGET_IN_LOCAL : TARGET_IN_CLUSTER;
	if (f->internal != NULL && !outside)
		used |= TARGET_IN_CLUSTER;
	return (p->targets[at].flags & used) == 0;
}
