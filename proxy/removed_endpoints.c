#include "proxy/removed_endpoints.h"

#include <netinet/in.h>
#include <stdlib.h>

#include "base/mem.h"

struct place { /* no padding: a map key as it stands */
	struct addr addr;
	uint8_t zero;
	uint16_t port;
};

struct departure {
	struct place place;
	uint64_t due_ms;
};

static struct place place_of(const struct addr *addr, uint16_t port)
{
	return (struct place){.addr = *addr, .port = port};
}

static struct departure *removed_endpoints_find(const struct removed_endpoints *c, const struct place *place)
{
	return map_get(&c->gone, place, sizeof *place);
}

static bool is_listed(const struct service *s, const struct target *t)
{
	for (size_t i = 0; s != NULL && i < s->port_count; i++) {
		const struct service_port *p = &s->ports[i];
		uint32_t at = p->proto == IPPROTO_TCP ? service_port_find(p, &t->addr, t->port) : p->target_count;
		if (at < p->target_count && target_compare(&p->targets[at], t) == 0)
			return true;
	}
	return false;
}

static void come_at(struct removed_endpoints *c, uint64_t due_ms)
{
	if (c->next_ms == 0 || due_ms < c->next_ms)
		c->next_ms = due_ms;
}

static void leave(struct removed_endpoints *c, const struct target *t, uint64_t now_ms)
{
	const struct place place = place_of(&t->addr, t->port);
	struct departure *d = removed_endpoints_find(c, &place);

	if (d == NULL) {
		d = mem_alloc(sizeof *d);
		d->place = place;
		map_put(&c->gone, &d->place, sizeof d->place, d);
	}
	d->due_ms = now_ms + c->grace_ms;
	come_at(c, d->due_ms);
}

/* Back in some service: whoever still reaches it through another one has a rule for it. */
static void come_back(struct removed_endpoints *c, const struct target *t)
{
	const struct place place = place_of(&t->addr, t->port);

	if (map_count(&c->gone) != 0)
		free(map_del(&c->gone, &place, sizeof place));
}

void removed_endpoints_start(struct removed_endpoints *c, uint64_t now_ms)
{
	c->unknown_ms = now_ms + c->grace_ms;
	come_at(c, c->unknown_ms);
}

void removed_endpoints_note(struct removed_endpoints *c, const struct service *prev, const struct service *next,
			    uint64_t now_ms)
{
	for (size_t i = 0; next != NULL && i < next->port_count; i++)
		for (uint32_t t = 0; next->ports[i].proto == IPPROTO_TCP && t < next->ports[i].target_count; t++)
			come_back(c, &next->ports[i].targets[t]);
	for (size_t i = 0; prev != NULL && i < prev->port_count; i++)
		for (uint32_t t = 0; prev->ports[i].proto == IPPROTO_TCP && t < prev->ports[i].target_count; t++)
			if (!is_listed(next, &prev->ports[i].targets[t]))
				leave(c, &prev->ports[i].targets[t], now_ms);
}

bool removed_endpoints_is_due(const struct removed_endpoints *c, const struct addr *addr, uint16_t port,
			      uint64_t now_ms)
{
	const struct place place = place_of(addr, port);
	const struct departure *d = removed_endpoints_find(c, &place);

	if (d != NULL)
		return d->due_ms <= now_ms;
	return c->unknown_ms != 0 && c->unknown_ms <= now_ms;
}

void removed_endpoints_done(struct removed_endpoints *c, uint64_t now_ms)
{
	struct departure *d;
	size_t at = 0;

	c->next_ms = 0;
	if (c->unknown_ms <= now_ms)
		c->unknown_ms = 0;
	else
		come_at(c, c->unknown_ms);
	while ((d = map_next(&c->gone, &at)) != NULL) {
		if (d->due_ms <= now_ms)
			free(map_del(&c->gone, &d->place, sizeof d->place));
		else
			come_at(c, d->due_ms);
	}
}

void removed_endpoints_fini(struct removed_endpoints *c)
{
	struct departure *d;
	size_t at = 0;

	while ((d = map_next(&c->gone, &at)) != NULL)
		free(d);
	map_fini(&c->gone);
	*c = (struct removed_endpoints){.grace_ms = c->grace_ms};
}
