/* New conflicts of a turn, counted per pair of services: one line each, however many keys they share. */
#include "proxy/conflicts.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log_about.h"
#include "base/mem.h"

void conflicts_add(struct conflicts *c, const struct frontend_key *key, const struct service *who)
{
	c->new_ones = mem_grow(c->new_ones, c->new_count, &c->new_room, sizeof *c->new_ones);
	c->new_ones[c->new_count++] = (struct new_conflict){*key, who};
}

void conflicts_replace(struct conflicts *c, const struct service *prev, const struct service *next)
{
	for (size_t i = 0; prev != NULL && i < c->new_count; i++)
		if (c->new_ones[i].who == prev)
			c->new_ones[i].who = next;
}

static struct conflict_pair *pair_new(struct conflicts *c, const struct service *owner, const struct service *loser)
{
	struct conflict_pair *p = mem_alloc(sizeof *p);

	c->pairs = mem_grow(c->pairs, c->pair_count, &c->pair_room, sizeof(struct conflict_pair *));
	p->services[0] = owner;
	p->services[1] = loser;
	c->pairs[c->pair_count++] = p;
	map_put(&c->by_pair, p->services, sizeof p->services, p);
	return p;
}

void conflicts_pair(struct conflicts *c, const struct frontend_key *key, const struct service *owner,
		    const struct service *loser)
{
	const struct service *services[2] = {owner, loser};
	struct conflict_pair *p = map_get(&c->by_pair, services, sizeof services);

	if (p == NULL) {
		p = pair_new(c, owner, loser);
		p->conflict = (struct conflict){.owner = owner, .loser = loser, .key = *key};
	} else if (p->conflict.key.proto == 0) { /* the address alone says less than a port of it */
		p->conflict.key = *key;
	} else if (key->proto != 0) {
		p->conflict.more++;
	}
}

void conflicts_clear(struct conflicts *c)
{
	for (size_t i = 0; i < c->pair_count; i++)
		free(c->pairs[i]);
	map_fini(&c->by_pair);
	free(c->pairs);
	free(c->new_ones);
	*c = (struct conflicts){0};
}

void conflict_log(void *ctx, const struct conflict *c)
{
	char address[ADDR_PORT_TEXT_BYTES], more[48] = "";
	bool port = c->key.proto != 0;

	(void)ctx;
	if (!log_about(LOG_WARN, c->loser->ns))
		return;
	if (port)
		addr_port_format(&c->key.addr, c->key.port, address);
	else
		addr_format(&c->key.addr, address);
	if (c->more != 0)
		snprintf(more, sizeof more, " and %zu more", c->more);
	log_warn("service %s/%s: %s%s%s%s belong%s to service %s/%s", c->loser->ns, c->loser->name, address,
		 port ? " " : "", port ? proto_name(c->key.proto) : "", more, c->more != 0 ? "" : "s", c->owner->ns,
		 c->owner->name);
}
