/* Ownership of frontends and ClusterIPs: an index of owners, and a sorted list for each key that several claim. */
#include "proxy/owners.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "proxy/conflicts.h"

/* A key that more than one service claims. Rare; the common case is one entry in `frontends` and nothing here. */
struct contested {
	struct frontend_key key;
	size_t count, room;
	const struct service **services; /* in the order of precedence: the first owns the key */
};

struct owners {
	struct map frontends; /* key → the owner, whose own copy of the key is the map's */
	struct map ips;	      /* ClusterIP → the owner, likewise */
	struct map contested;
	struct conflicts conflicts; /* new ones */
	owners_conflict_fn *conflict;
	void *ctx;
};

struct listener {
	owners_moved_fn *moved;
	void *ctx;
};

struct owners *owners_new(owners_conflict_fn *conflict, void *ctx)
{
	struct owners *o = mem_alloc(sizeof *o);

	o->conflict = conflict;
	o->ctx = ctx;
	return o;
}

static void contested_free(struct contested *c)
{
	free(c->services);
	free(c);
}

void owners_free(struct owners *o)
{
	struct contested *c;
	size_t at = 0;

	if (o == NULL)
		return;
	while ((c = map_next(&o->contested, &at)) != NULL)
		contested_free(c);
	map_fini(&o->contested);
	map_fini(&o->frontends);
	map_fini(&o->ips);
	conflicts_clear(&o->conflicts);
	free(o);
}

static bool is_ip(const struct frontend_key *key)
{
	return key->proto == 0;
}

const struct service *owners_find(const struct owners *o, const struct frontend_key *key)
{
	return is_ip(key) ? map_get(&o->ips, &key->addr, sizeof key->addr) : map_get(&o->frontends, key, sizeof *key);
}

const struct frontend *owners_frontend(const struct owners *o, const struct frontend_key *key,
				       const struct service **owner)
{
	*owner = owners_find(o, key);
	return *owner != NULL ? service_frontend(*owner, key) : NULL;
}

/* The map borrows its keys, so the key must be the owner's own. */
static void owner_set(struct owners *o, const struct frontend_key *key, const struct service *s)
{
	if (!is_ip(key)) {
		const struct frontend *f = service_frontend(s, key);
		assert(f != NULL);
		map_put(&o->frontends, &f->key, sizeof f->key, (void *)s);
		return;
	}
	const struct addr *own = s->cluster_ips;
	while (!addr_equal(own, &key->addr))
		own++;
	map_put(&o->ips, own, sizeof *own, (void *)s);
}

static void owner_unset(struct owners *o, const struct frontend_key *key)
{
	if (is_ip(key))
		map_del(&o->ips, &key->addr, sizeof key->addr);
	else
		map_del(&o->frontends, key, sizeof *key);
}

/* ---- precedence ---- */

/* What the API server allocates comes before what a controller writes, and that before what a tenant writes. */
static int rank(const struct service *s, const struct frontend_key *key)
{
	static const int ranks[] = {
		[FRONTEND_CLUSTER_IP] = 0,
		[FRONTEND_NODE_PORT] = 1,
		[FRONTEND_LOAD_BALANCER] = 2,
		[FRONTEND_EXTERNAL_IP] = 3,
	};
	const struct frontend *f = is_ip(key) ? NULL : service_frontend(s, key);

	return f != NULL ? ranks[f->kind] : 0;
}

/* < 0: a comes first. 0 only for versions of the same Service. */
static int precedence(const struct frontend_key *key, const struct service *a, const struct service *b)
{
	int order = rank(a, key) - rank(b, key);

	return order != 0 ? order : service_precedence(a, b);
}

/* ---- contested keys ---- */

static struct contested *contested_find(const struct owners *o, const struct frontend_key *key)
{
	return map_count(&o->contested) != 0 ? map_get(&o->contested, key, sizeof *key) : NULL;
}

static struct contested *contested_new(struct owners *o, const struct frontend_key *key, const struct service *owner)
{
	struct contested *c = mem_alloc(sizeof *c);

	c->key = *key;
	c->count = 1;
	c->room = 2;
	c->services = mem_array(c->room, sizeof(struct service *));
	c->services[0] = owner;
	map_put(&o->contested, &c->key, sizeof c->key, c);
	return c;
}

/* Where the service is, or would be inserted. */
static size_t contested_place(const struct contested *c, const struct service *s)
{
	size_t low = 0, high = c->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (precedence(&c->key, c->services[middle], s) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool contested_has(const struct contested *c, const struct service *s)
{
	if (service_frontend(s, &c->key) == NULL && !is_ip(&c->key))
		return false;
	size_t at = contested_place(c, s);
	return at < c->count && c->services[at] == s;
}

static void contested_insert(struct contested *c, const struct service *s)
{
	size_t at = contested_place(c, s);

	c->services = mem_grow(c->services, c->count, &c->room, sizeof(struct service *));
	memmove(c->services + at + 1, c->services + at, (c->count - at) * sizeof(struct service *));
	c->services[at] = s;
	c->count++;
}

static void contested_remove(struct contested *c, const struct service *s)
{
	size_t at = contested_place(c, s);

	assert(at < c->count && c->services[at] == s);
	c->count--;
	memmove(c->services + at, c->services + at + 1, (c->count - at) * sizeof(struct service *));
}

/* ---- reports ---- */

void owners_report_conflicts(struct owners *o)
{
	for (size_t i = 0; i < o->conflicts.new_count; i++) {
		const struct new_conflict *n = &o->conflicts.new_ones[i];
		const struct contested *c = n->who != NULL ? contested_find(o, &n->key) : NULL;
		if (c == NULL || !contested_has(c, n->who))
			continue;
		const struct service *first = c->services[0];
		conflicts_pair(&o->conflicts, &n->key, first, n->who != first ? n->who : c->services[1]);
	}
	for (size_t i = 0; i < o->conflicts.pair_count; i++)
		o->conflict(o->ctx, &o->conflicts.pairs[i]->conflict);
	conflicts_clear(&o->conflicts);
}

/* ---- keys that come, go and stay ---- */

static void hand_over(struct owners *o, const struct frontend_key *key, const struct service *from,
		      const struct service *to, const struct listener *listener)
{
	owner_set(o, key, to);
	if (listener->moved != NULL)
		listener->moved(listener->ctx, key, from, to);
}

static void key_add(struct owners *o, const struct frontend_key *key, const struct service *s,
		    const struct listener *listener)
{
	const struct service *owner = owners_find(o, key);
	struct contested *c;

	if (owner == NULL) {
		owner_set(o, key, s);
		return;
	}
	c = contested_find(o, key);
	if (c == NULL)
		c = contested_new(o, key, owner);
	contested_insert(c, s);
	if (o->conflict != NULL)
		conflicts_add(&o->conflicts, key, s);
	if (c->services[0] == s)
		hand_over(o, key, owner, s, listener);
}

static void key_del(struct owners *o, const struct frontend_key *key, const struct service *s,
		    const struct listener *listener)
{
	struct contested *c = contested_find(o, key);

	if (c == NULL) {
		owner_unset(o, key);
		return;
	}
	contested_remove(c, s);
	if (owners_find(o, key) == s)
		hand_over(o, key, s, c->services[0], listener);
	if (c->count == 1) {
		map_del(&o->contested, &c->key, sizeof c->key);
		contested_free(c);
	}
}

/* The new version may claim the key in another way, or be another Service of that name: its place may change. */
static void key_keep(struct owners *o, const struct frontend_key *key, const struct service *prev,
		     const struct service *next, const struct listener *listener)
{
	struct contested *c = contested_find(o, key);
	const struct service *owner = owners_find(o, key);

	if (c == NULL) {
		owner_set(o, key, next);
		return;
	}
	contested_remove(c, prev);
	contested_insert(c, next);
	const struct service *first = c->services[0];
	if (owner == prev)
		owner = next;
	if (first != owner)
		hand_over(o, key, owner, first, listener);
	else
		owner_set(o, key, first);
}

/* ---- services ---- */

static bool has_ip(const struct service *s, const struct addr *ip)
{
	for (size_t i = 0; s != NULL && s->proxied && i < s->cluster_ip_count; i++)
		if (addr_equal(&s->cluster_ips[i], ip))
			return true;
	return false;
}

static bool has_key(const struct service *s, const struct frontend_key *key)
{
	if (s == NULL)
		return false;
	return is_ip(key) ? has_ip(s, &key->addr) : service_frontend(s, key) != NULL;
}

/* Every key that a service claims: its frontends, then its ClusterIPs. */
static bool key_at(const struct service *s, size_t at, struct frontend_key *key)
{
	if (s == NULL)
		return false;
	if (at < s->frontend_count) {
		*key = s->frontends[at].key;
		return true;
	}
	at -= s->frontend_count;
	if (!s->proxied || at >= s->cluster_ip_count)
		return false;
	*key = owners_ip_key(&s->cluster_ips[at]);
	return true;
}

bool owners_next_key(struct owners_keys *keys, struct frontend_key *key)
{
	if (!keys->of_next && key_at(keys->prev, keys->at, key)) {
		keys->at++;
		return true;
	}
	if (!keys->of_next)
		keys->at = 0;
	keys->of_next = true;
	while (key_at(keys->next, keys->at, key)) {
		keys->at++;
		if (!has_key(keys->prev, key))
			return true;
	}
	return false;
}

void owners_replace(struct owners *o, const struct service *prev, const struct service *next, owners_moved_fn *moved,
		    void *ctx)
{
	const struct listener listener = {.moved = moved, .ctx = ctx};
	struct owners_keys keys = {.prev = prev, .next = next};
	struct frontend_key key;

	conflicts_replace(&o->conflicts, prev, next);
	while (owners_next_key(&keys, &key)) {
		if (keys.of_next)
			key_add(o, &key, next, &listener);
		else if (has_key(next, &key))
			key_keep(o, &key, prev, next, &listener);
		else
			key_del(o, &key, prev, &listener);
	}
}

/* ---- two changes at a time ---- */

/* Of two services that both claim the key, or only b does. */
static bool precedes(const struct frontend_key *key, const struct service *a, const struct service *b)
{
	return !has_key(b, key) || (has_key(a, key) && precedence(key, a, b) < 0);
}

static bool key_apart(const struct owners *o, const struct frontend_key *key, const struct service_change *first,
		      const struct service_change *second)
{
	const struct service *owner = owners_find(o, key);

	if (!has_key(first->prev, key) && !has_key(first->next, key))
		return true;
	if (owner == NULL)
		return false;
	if (owner == second->prev) /* it was, and it stays */
		return precedes(key, owner, first->prev) && has_key(second->next, key) &&
		       precedence(key, owner, second->next) == 0;
	if (owner == first->next && !precedes(key, first->prev, second->prev))
		return false;
	return precedes(key, owner, second->next);
}

bool owners_apart(const struct owners *o, const struct service_change *first, const struct service_change *second)
{
	struct owners_keys keys = {.prev = second->prev, .next = second->next};
	struct frontend_key key;

	while (owners_next_key(&keys, &key))
		if (!key_apart(o, &key, first, second))
			return false;
	return true;
}
