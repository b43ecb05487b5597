/* Endpoints that left, and through which frontends they may still be reached. */
#include "proxy/removed_endpoints.h"

#include <netinet/in.h>
#include <stdlib.h>

#include "base/addr_port.h"
#include "base/mem.h"

struct departure {
	struct addr_port place;
	uint64_t due_ms;
};

static struct addr_port place_of(const struct addr *addr, uint16_t port)
{
	return (struct addr_port){.addr = *addr, .port = port};
}

static struct departure *removed_endpoints_find(const struct removed_endpoints *c, const struct addr_port *place)
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
	const struct addr_port place = place_of(&t->addr, t->port);
	struct departure *d = removed_endpoints_find(c, &place);

	if (d == NULL) {
		d = mem_alloc(sizeof *d);
		d->place = place;
		map_put(&c->gone, &d->place, sizeof d->place, d);
	}
	d->due_ms = now_ms + c->grace_ms;
	come_at(c, d->due_ms);
}

/* Back in some service: a client that still reaches it through another one has a rule for it. */
static void come_back(struct removed_endpoints *c, const struct target *t)
{
	const struct addr_port place = place_of(&t->addr, t->port);

	if (map_count(&c->gone) != 0)
		free(map_del(&c->gone, &place, sizeof place));
}

void removed_endpoints_start(struct removed_endpoints *c, uint64_t now_ms)
{
	c->unknown_ms = now_ms + c->grace_ms;
	come_at(c, c->unknown_ms);
}

static bool port_leaves(struct removed_endpoints *c, const struct service_port *p, const struct service *next,
			uint64_t now_ms)
{
	bool lost = false;

	for (uint32_t t = 0; p->proto == IPPROTO_TCP && t < p->target_count; t++) {
		if (is_listed(next, &p->targets[t]))
			continue;
		leave(c, &p->targets[t], now_ms);
		lost = true;
	}
	return lost;
}

/* `ports` of s, one flag each; NULL: all. */
static void add_frontends(struct removed_endpoints *c, const struct service *s, const bool *ports)
{
	for (size_t i = 0; i < s->frontend_count; i++) {
		const struct frontend *f = &s->frontends[i];
		if (f->key.proto == IPPROTO_TCP && (ports == NULL || ports[f->service_port]))
			frontend_set_add(&c->frontends, &f->key);
	}
}

static void note_departures(struct removed_endpoints *c, const struct service *prev, const struct service *next,
			    uint64_t now_ms)
{
	bool *lost = mem_array(prev->port_count, sizeof *lost), any = false;

	for (size_t i = 0; i < prev->port_count; i++) {
		lost[i] = port_leaves(c, &prev->ports[i], next, now_ms);
		any |= lost[i];
	}
	if (any)
		add_frontends(c, prev, lost);
	free(lost);
}

void removed_endpoints_note(struct removed_endpoints *c, const struct service *prev, const struct service *next,
			    uint64_t now_ms)
{
	for (size_t i = 0; next != NULL && i < next->port_count; i++)
		for (uint32_t t = 0; next->ports[i].proto == IPPROTO_TCP && t < next->ports[i].target_count; t++)
			come_back(c, &next->ports[i].targets[t]);
	if (prev != NULL && prev->port_count != 0)
		note_departures(c, prev, next, now_ms);
	if (next != NULL && c->unknown_ms != 0)
		add_frontends(c, next, NULL);
}

void removed_endpoints_due(const struct removed_endpoints *c, uint64_t now_ms, struct removed_due *due)
{
	const struct departure *d;
	size_t at = 0;

	*due = (struct removed_due){.unknown = c->unknown_ms != 0 && c->unknown_ms <= now_ms};
	while ((d = map_next(&c->gone, &at)) != NULL) {
		struct departure *copy = mem_alloc(sizeof *copy);
		*copy = (struct departure){.place = d->place, .due_ms = d->due_ms <= now_ms ? 0 : d->due_ms};
		map_put(&due->places, &copy->place, sizeof copy->place, copy);
	}
}

bool removed_due_has(const struct removed_due *due, const struct addr *addr, uint16_t port)
{
	const struct addr_port place = place_of(addr, port);
	const struct departure *d = map_get(&due->places, &place, sizeof place);

	return d != NULL ? d->due_ms == 0 : due->unknown;
}

static void departures_free(struct map *places)
{
	struct departure *d;
	size_t at = 0;

	while ((d = map_next(places, &at)) != NULL)
		free(d);
	map_fini(places);
}

void removed_due_fini(struct removed_due *due)
{
	departures_free(&due->places);
	due->unknown = false;
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
	if (c->next_ms == 0)
		frontend_set_fini(&c->frontends);
}

void removed_endpoints_fini(struct removed_endpoints *c)
{
	departures_free(&c->gone);
	frontend_set_fini(&c->frontends);
	*c = (struct removed_endpoints){.grace_ms = c->grace_ms};
}
