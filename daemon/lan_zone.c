/* Publishes the names of --dns-zone. */
#include "daemon/lan_zone.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "dns/zone/lan.h"

#define REST_S 0.005	/* many Services come at once */
#define STARTING_S 0.05 /* until the first state is complete */
#define LINES_MAX 20	/* new ones of one turn; then only their number */

struct lan_zone {
	struct zone *zone;
	const struct store *store;
	struct ev_loop *loop;
	ev_timer rest;
	struct map said; /* lines of the last turn, which are their own keys */
	struct map next; /* of this one */
	size_t new_lines;
};

static void forget(struct map *lines)
{
	size_t at = 0;
	void *line;

	while ((line = map_next(lines, &at)) != NULL)
		free(line);
	map_fini(lines);
	*lines = (struct map){0};
}

static void say(void *ctx, const char *line)
{
	struct lan_zone *l = ctx;

	if (map_get_str(&l->next, line) != NULL)
		return;
	if (map_get_str(&l->said, line) == NULL && ++l->new_lines <= LINES_MAX)
		log_warn("%s", line);
	char *copy = mem_strdup(line);
	map_put_str(&l->next, copy, copy);
}

static void build(struct lan_zone *l)
{
	const struct service **services = NULL;
	struct lan_input in = {
		.zone = zone_lan(l->zone), .hosts = zone_hosts(l->zone), .say = say, .ctx = l, .services = NULL};
	const struct store_service *s;
	size_t room = 0, at = 0;

	while ((s = store_next_service(l->store, &at)) != NULL) {
		if (s->current == NULL)
			continue;
		services = mem_grow(services, in.count, &room, sizeof *services);
		services[in.count++] = s->current;
	}
	in.services = services;
	l->new_lines = 0;
	zone_lan_set(l->zone, lan_names(&in));
	if (l->new_lines > LINES_MAX)
		log_warn("dns: --dns-zone: %zu more names that Services do not get", l->new_lines - LINES_MAX);
	forget(&l->said);
	l->said = l->next;
	l->next = (struct map){0};
	free(services);
}

static void wait_for(struct lan_zone *l, double s)
{
	ev_now_update(l->loop);
	ev_timer_set(&l->rest, s, 0.);
	ev_timer_start(l->loop, &l->rest);
}

static void on_rested(struct ev_loop *loop, ev_timer *w, int events)
{
	struct lan_zone *l = w->data;

	(void)loop, (void)events;
	if (zone_is_complete(l->zone))
		build(l);
	else
		wait_for(l, STARTING_S); /* names of a part would be NXDOMAIN for the others */
}

struct lan_zone *lan_zone_open(struct zone *zone, const struct store *store, struct ev_loop *loop)
{
	struct lan_zone *l = mem_alloc(sizeof *l);

	*l = (struct lan_zone){.zone = zone, .store = store, .loop = loop};
	ev_init(&l->rest, on_rested);
	l->rest.data = l;
	lan_zone_changed(l);
	return l;
}

void lan_zone_close(struct lan_zone *l)
{
	if (l == NULL)
		return;
	ev_timer_stop(l->loop, &l->rest);
	forget(&l->said);
	free(l);
}

void lan_zone_changed(struct lan_zone *l)
{
	if (l != NULL && !ev_is_active(&l->rest))
		wait_for(l, REST_S);
}

void lan_zone_published(struct lan_zone *l, const struct service *prev, const struct service *next)
{
	if (l != NULL && lan_digest(prev) != lan_digest(next))
		lan_zone_changed(l);
}
