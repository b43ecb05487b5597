#include "proxy/owners.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"

/* A key that more than one service wants. Rare; the common case is one entry in owners and nothing here. */
struct contest {
	struct frontend_key key;
	size_t count;
	const struct service **services; /* by namespace, name: the first owns the key */
};

/* Somebody came to a key that another owned, or was one before the owner. */
struct arrival {
	struct frontend_key key;
	const struct service *who; /* NULL: gone again */
};

struct claims {
	struct map owners; /* key → the owner, whose own copy of the key is the map's */
	struct map ips;	   /* ClusterIP → the owner, likewise */
	struct map contests;
	struct arrival *arrivals; /* not told yet */
	size_t arrival_count, arrival_room;
	claims_contested_fn *contested;
	void *ctx;
};

struct listener {
	claims_moved_fn *moved;
	void *ctx;
};

struct claims *claims_new(claims_contested_fn *contested, void *ctx)
{
	struct claims *c = mem_alloc(sizeof *c);

	c->contested = contested;
	c->ctx = ctx;
	return c;
}

void claims_free(struct claims *c)
{
	struct contest *contest;
	size_t at = 0;

	if (c == NULL)
		return;
	while ((contest = map_next(&c->contests, &at)) != NULL) {
		free(contest->services);
		free(contest);
	}
	map_fini(&c->contests);
	map_fini(&c->owners);
	map_fini(&c->ips);
	free(c->arrivals);
	free(c);
}

static bool is_ip(const struct frontend_key *key)
{
	return key->proto == 0;
}

const struct service *claims_owner(const struct claims *c, const struct frontend_key *key)
{
	return is_ip(key) ? map_get(&c->ips, &key->addr, sizeof key->addr) : map_get(&c->owners, key, sizeof *key);
}

const struct frontend *claims_frontend(const struct claims *c, const struct frontend_key *key,
				       const struct service **owner)
{
	*owner = claims_owner(c, key);
	return *owner != NULL ? service_frontend(*owner, key) : NULL;
}

/* The map borrows its keys, so the key must be the owner's own. */
static void owner_set(struct claims *c, const struct frontend_key *key, const struct service *s)
{
	if (!is_ip(key)) {
		const struct frontend *f = service_frontend(s, key);
		assert(f != NULL);
		map_put(&c->owners, &f->key, sizeof f->key, (void *)s);
		return;
	}
	const struct addr *own = s->cluster_ips;
	while (!addr_equal(own, &key->addr))
		own++;
	map_put(&c->ips, own, sizeof *own, (void *)s);
}

static void owner_unset(struct claims *c, const struct frontend_key *key)
{
	if (is_ip(key))
		map_del(&c->ips, &key->addr, sizeof key->addr);
	else
		map_del(&c->owners, key, sizeof *key);
}

static int by_name(const struct service *a, const struct service *b)
{
	int c = strcmp(a->ns, b->ns);

	return c != 0 ? c : strcmp(a->name, b->name);
}

static struct contest *contest_of(const struct claims *c, const struct frontend_key *key)
{
	return map_count(&c->contests) != 0 ? map_get(&c->contests, key, sizeof *key) : NULL;
}

static struct contest *contest_new(struct claims *c, const struct frontend_key *key, const struct service *owner)
{
	struct contest *contest = mem_alloc(sizeof *contest);

	contest->key = *key;
	contest->count = 1;
	contest->services = mem_array(1, sizeof(struct service *));
	contest->services[0] = owner;
	map_put(&c->contests, &contest->key, sizeof contest->key, contest);
	return contest;
}

static void contest_insert(struct contest *contest, const struct service *s)
{
	size_t at = 0;

	contest->services = mem_resize(contest->services, (contest->count + 1) * sizeof(struct service *));
	while (at < contest->count && by_name(contest->services[at], s) < 0)
		at++;
	memmove(contest->services + at + 1, contest->services + at, (contest->count - at) * sizeof(struct service *));
	contest->services[at] = s;
	contest->count++;
}

static void contest_remove(struct contest *contest, const struct service *s)
{
	size_t at = 0;

	while (contest->services[at] != s)
		at++;
	contest->count--;
	memmove(contest->services + at, contest->services + at + 1, (contest->count - at) * sizeof(struct service *));
}

static bool is_in(const struct contest *contest, const struct service *s)
{
	for (size_t i = 0; i < contest->count; i++)
		if (contest->services[i] == s)
			return true;
	return false;
}

static void arrive(struct claims *c, const struct frontend_key *key, const struct service *who)
{
	if (c->contested == NULL)
		return;
	if (c->arrival_count == c->arrival_room) {
		c->arrival_room = c->arrival_room != 0 ? c->arrival_room * 2 : 16;
		c->arrivals = mem_resize(c->arrivals, c->arrival_room * sizeof *c->arrivals);
	}
	c->arrivals[c->arrival_count++] = (struct arrival){*key, who};
}

static void arrivals_follow(struct claims *c, const struct service *prev, const struct service *next)
{
	for (size_t i = 0; prev != NULL && i < c->arrival_count; i++)
		if (c->arrivals[i].who == prev)
			c->arrivals[i].who = next;
}

/* One word about each pair: two services that share one key usually share more. */
void claims_tell(struct claims *c)
{
	const struct service *winner = NULL, *loser = NULL;

	for (size_t i = 0; i < c->arrival_count; i++) {
		const struct arrival *a = &c->arrivals[i];
		const struct contest *contest = contest_of(c, &a->key);
		if (contest == NULL || !is_in(contest, a->who))
			continue;
		const struct service *first = contest->services[0];
		const struct service *other = a->who != first ? a->who : contest->services[1];
		if (first == winner && other == loser)
			continue;
		winner = first;
		loser = other;
		c->contested(c->ctx, &a->key, winner, loser);
	}
	c->arrival_count = 0;
}

static void key_add(struct claims *c, const struct frontend_key *key, const struct service *s,
		    const struct listener *listener)
{
	const struct service *owner = claims_owner(c, key);
	struct contest *contest;

	if (owner == NULL) {
		owner_set(c, key, s);
		return;
	}
	contest = contest_of(c, key);
	if (contest == NULL)
		contest = contest_new(c, key, owner);
	contest_insert(contest, s);
	arrive(c, key, s);
	if (contest->services[0] != s)
		return;
	owner_set(c, key, s);
	if (listener->moved != NULL)
		listener->moved(listener->ctx, key, owner, s);
}

static void key_del(struct claims *c, const struct frontend_key *key, const struct service *s,
		    const struct listener *listener)
{
	struct contest *contest = contest_of(c, key);

	if (contest == NULL) {
		owner_unset(c, key);
		return;
	}
	contest_remove(contest, s);
	if (claims_owner(c, key) == s) {
		owner_set(c, key, contest->services[0]);
		if (listener->moved != NULL)
			listener->moved(listener->ctx, key, s, contest->services[0]);
	}
	if (contest->count == 1) {
		map_del(&c->contests, &contest->key, sizeof contest->key);
		free(contest->services);
		free(contest);
	}
}

static void key_keep(struct claims *c, const struct frontend_key *key, const struct service *prev,
		     const struct service *next)
{
	struct contest *contest = contest_of(c, key);

	for (size_t i = 0; contest != NULL && i < contest->count; i++)
		if (contest->services[i] == prev)
			contest->services[i] = next;
	if (claims_owner(c, key) == prev)
		owner_set(c, key, next);
}

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
	*key = claims_ip_key(&s->cluster_ips[at]);
	return true;
}

void claims_replace(struct claims *c, const struct service *prev, const struct service *next, claims_moved_fn *moved,
		    void *ctx)
{
	const struct listener listener = {.moved = moved, .ctx = ctx};
	struct frontend_key key;

	arrivals_follow(c, prev, next);
	for (size_t i = 0; key_at(prev, i, &key); i++) {
		if (has_key(next, &key))
			key_keep(c, &key, prev, next);
		else
			key_del(c, &key, prev, &listener);
	}
	for (size_t i = 0; key_at(next, i, &key); i++)
		if (!has_key(prev, &key))
			key_add(c, &key, next, &listener);
}
