/*
 * Services too large to be waited for. Each goes through steps of its own, one a turn, in turns without others or in
 * every second one: compiled, compared and sent in parts, frontends by frontends, published when the kernel has all of
 * it. So another Service's change waits for one step at most, unless a frontend passes between the two by either
 * change: then it waits until the large one is done.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "proxy/sync_private.h"

/*
 * The kernel takes an element in 1 to 3 us on an idle machine, and in 3 to 8 us on two busy cores: 4 096 of them are
 * 5 to 35 ms. A verdict in a map of 50 000 takes up to 20 us: nft/parts.c ends the part sooner then.
 */
#define PART_ELEMENTS 4096
#define COMPARED_ELEMENTS 16384 /* before and after, and those of the last frontend; 0.4 us each */
#define HEAVY_ELEMENTS 4096
#define HEAVY_RANGE_STEPS \
	16384 /* source ranges times all that there are: what the kernel walks to delete them, 1 us each */

/* ---- which ---- */

static bool heavy_ranges(const struct sync *s, uint64_t ranges)
{
	return ranges != 0 && s->quarantine.all_ranges > HEAVY_RANGE_STEPS / ranges;
}

static bool weigh(const struct sync *s, const struct store_service *service)
{
	const struct compile_input in = sync_compile_input(s, service);

	return heavy_ranges(s, service->asks.ranges) ||
	       (service->object != NULL && heavy_ranges(s, budget_ranges(&in))) ||
	       service->asks.elements + service->asks.ranges * (BUDGET_RANGE_COST - 1) > HEAVY_ELEMENTS ||
	       (service->object != NULL && budget_rough(&in) > HEAVY_ELEMENTS);
}

bool sync_is_heavy(const struct sync *s, struct store_service *service)
{
	if (!service->weighed) {
		service->heavy = weigh(s, service);
		service->weighed = true;
	}
	return service->heavy;
}

bool sync_touches_large(const struct sync *s, const struct service *prev, const struct service *next)
{
	const struct store_service *large = s->large.service;

	if (large == NULL || s->large.step == LARGE_OWN)
		return false;
	return !owners_apart(s->owners, &(struct service_change){large->current, large->next},
			     &(struct service_change){prev, next});
}

/* ---- from the start to the end ---- */

static struct store_service *next_heavy(struct sync *s)
{
	size_t count;
	struct store_service *const *dirty = store_dirty(s->deps.store, &count);

	for (size_t i = 0; i < count; i++)
		if (sync_is_heavy(s, dirty[i]))
			return dirty[i];
	return NULL;
}

static void large_start(struct sync *s)
{
	struct store_service *service = next_heavy(s);
	struct service *next;

	if (service == NULL)
		return;
	s->large = (struct large){.start_ns = clock_ns()};
	service->dirty = false;
	if (!sync_compile_next(s, service, &next)) {
		s->stats.quarantined = s->quarantine.count;
		store_unmark(s->deps.store);
		return;
	}
	service->next = next;
	service->pending = true;
	store_unmark(s->deps.store);
	s->large.service = service;
	s->large.step = LARGE_OWN;
	s->quarantine.memory.reserved_bytes = memory_need(service->has.elements, service->asks.elements);
	log_verbose("service %s: compiled in %.3f ms", service->key, (double)(clock_ns() - s->large.start_ns) / 1e6);
}

static void large_own(struct sync *s)
{
	struct large *l = &s->large;

	l->changes = changes_new();
	changes_begin(l->changes, s->owners, l->service->current, l->service->next);
	l->step = LARGE_COMPARE; /* new conflicts are told in the next turn */
}

static size_t ranges_together(const struct sync *s)
{
	const uint64_t all = s->quarantine.all_ranges;
	const uint64_t most = all != 0 ? HEAVY_RANGE_STEPS / all : NFT_RANGES_TOGETHER;

	return most < 2 ? 2 : most < NFT_RANGES_TOGETHER ? most : NFT_RANGES_TOGETHER;
}

static void large_compare(struct sync *s)
{
	struct large *l = &s->large;
	size_t operations;

	l->last = !changes_some(l->changes, COMPARED_ELEMENTS);
	operations = sync_flush(s, l->changes);
	l->operations += operations;
	if (operations != 0)
		l->parts = nft_tx_take(s->deps.nft, ranges_together(s));
	if (operations != 0)
		l->step = LARGE_SEND;
	else if (l->last)
		l->step = LARGE_PUBLISH;
}

static int large_send(struct sync *s, uint64_t now_ms)
{
	struct large *l = &s->large;
	int more = nft_parts_commit(s->deps.nft, l->parts, PART_ELEMENTS);

	if (more < 0)
		return more;
	if (more == 0) {
		nft_parts_free(l->parts);
		l->parts = NULL;
		l->step = l->last ? LARGE_PUBLISH : LARGE_COMPARE;
	}
	if (l->step != LARGE_PUBLISH)
		s->earliest_ms = now_ms + s->deps.min_period_ms;
	return 0;
}

static void large_clear(struct sync *s)
{
	nft_parts_free(s->large.parts);
	changes_free(s->large.changes);
	s->large = (struct large){0};
	s->quarantine.memory.reserved_bytes = 0;
}

static void large_publish(struct sync *s, uint64_t now_ms)
{
	const uint64_t took_us = (clock_ns() - s->large.start_ns) / 1000;
	struct store_service *service = s->large.service;

	log_verbose("service %s: %zu operations, in parts", service->key, s->large.operations);
	s->operations = s->large.operations;
	large_clear(s);
	s->large_suspect = NULL;
	sync_add_pending(s, service);
	sync_publish(s, now_ms, took_us);
	s->earliest_ms = now_ms + s->deps.min_period_ms; /* the kernel was not busy with it all the time */
}

int sync_large(struct sync *s, uint64_t now_ms)
{
	if (s->deps.nft == NULL || !s->stats.done || table_parts_any(&s->must_read_back))
		return 0;
	if (s->large.service == NULL)
		large_start(s);
	else if (s->large.step == LARGE_OWN)
		large_own(s);
	else if (s->large.step == LARGE_COMPARE)
		large_compare(s);
	else if (s->large.step == LARGE_SEND)
		return large_send(s, now_ms);
	else
		large_publish(s, now_ms);
	return 0;
}

void sync_large_abandon(struct sync *s, bool again)
{
	struct store_service *service = s->large.service;

	if (service == NULL)
		return;
	if (s->large.step != LARGE_OWN)
		owners_replace(s->owners, service->next, service->current, NULL, NULL);
	service_free(service->next);
	service->next = NULL;
	service->pending = false;
	quarantine_give_back(&s->quarantine, service);
	if (again)
		store_mark(s->deps.store, service);
	large_clear(s);
	store_settle(s->deps.store, service);
}
