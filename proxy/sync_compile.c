/* Objects to services: compiles what changed and collects what changes in the kernel by it. */
#include <stdlib.h>

#include "proxy/ranges.h"
#include "proxy/sync_private.h"
#include "service/compile.h"

/* Of small services, before others have a turn: see PART_ELEMENTS of sync_large.c. */
#define TURN_CHANGES 4096
#define TURN_ELEMENTS 32768  /* also of those that change nothing: other Services own what they ask for */
#define TURN_SERVICE_COST 64 /* in elements: a Service; it may have health check node ports to bind, 20 us each */
#define TURN_RANGE_COST 256  /* of a source range, or one for each that there is (nft/parts.c) */

void sync_reverse_ranges(struct sync *s)
{
	struct cidr_list ranges = {0};

	ranges_known(&ranges, &s->deps.ranges, s->deps.node, s->deps.store);
	zone_reverse_set(s->deps.zone, ranges.items, ranges.count);
	free(ranges.items);
}

void sync_add_pending(struct sync *s, struct store_service *service)
{
	s->pending = mem_grow(s->pending, s->pending_count, &s->pending_room, sizeof(struct store_service *));
	s->pending[s->pending_count++] = service;
	service->pending = true;
}

struct compile_input sync_compile_input(const struct sync *s, const struct store_service *service)
{
	struct compile_input in = {.object = service->object,
				   .slice_count = service->slice_count,
				   .slices = service->slices,
				   .node = &s->deps.node->facts,
				   .proxy_name = s->deps.proxy_name,
				   .endpoint_pod_names = s->deps.endpoint_pod_names,
				   .prev = sync_newest(service),
				   .restore = s->restore};

	if (in.object != NULL && in.object->balance == BALANCE_MAGLEV)
		in.maglev_fits = budget_maglev_size(in.object, s->quarantine.max_elements);
	return in;
}

bool sync_compile_next(struct sync *s, struct store_service *service, struct service **next)
{
	const struct compile_input in = sync_compile_input(s, service);

	*next = NULL;
	if (service->object == NULL) {
		quarantine_take(&s->quarantine, service, &(struct budget_counts){0});
	} else {
		if (!quarantine_admit(&s->quarantine, service, &in, s->scratch, s->now_ms))
			return false;
		*next = service_compile(&in, s->scratch);
	}
	if (in.prev != NULL || *next != NULL)
		return true;
	quarantine_release(&s->quarantine, service);
	return false;
}

/* Compiles one service and collects what changes in the kernel by it. */
static void compile_service(struct sync *s, struct store_service *service)
{
	const struct service *prev = sync_newest(service);
	struct service *next, *unpublished = service->pending ? service->next : NULL;
	const struct budget_counts before = service->asks;

	if (!sync_compile_next(s, service, &next)) {
		service->newest_held = service->pending;
		return;
	}
	if (sync_touches_large(s, prev, next)) {
		service->dirty = true;
		service_free(next);
		quarantine_take(&s->quarantine, service, &before);
		return;
	}
	if (sync_reads_all(s))
		owners_replace(s->owners, prev, next, NULL, NULL);
	else
		changes_service(s->changes, s->owners, prev, next);
	service->next = next;
	service->newest_held = false;
	if (!service->pending)
		sync_add_pending(s, service);
	service_free(unpublished);
}

void sync_revert(struct sync *s, struct store_service *service)
{
	size_t at = 0;

	if (!service->pending) {
		owners_replace(s->owners, service->current, NULL, NULL, NULL);
		service->next = NULL;
		quarantine_take(&s->quarantine, service, &(struct budget_counts){0});
		sync_add_pending(s, service);
		return;
	}
	owners_replace(s->owners, service->next, service->current, NULL, NULL);
	service_free(service->next);
	service->next = NULL;
	service->pending = service->newest_held = false;
	quarantine_give_back(&s->quarantine, service);
	while (s->pending[at] != service)
		at++;
	s->pending[at] = s->pending[--s->pending_count];
}

/* The first load takes all there is; later on large ones have turns of their own (sync_large.c). */
static bool is_left(const struct sync *s, struct store_service *service)
{
	return s->deps.nft != NULL && s->stats.done && (service == s->large.service || sync_is_heavy(s, service));
}

/* In elements. The version before had so many source ranges, which may go. */
static uint64_t turn_cost(const struct sync *s, const struct store_service *service, uint64_t ranges)
{
	const uint64_t all = s->quarantine.all_ranges, each = all > TURN_RANGE_COST ? all : TURN_RANGE_COST;

	ranges = ranges > service->asks.ranges ? ranges : service->asks.ranges;
	return TURN_SERVICE_COST + service->asks.elements + ranges * each;
}

/* False: there was none to compile. In the order of marks, and not more than others can wait for. */
static bool compile_dirty(struct sync *s)
{
	size_t count;
	struct store_service *const *dirty = store_dirty(s->deps.store, &count);
	uint64_t elements = 0;
	bool any = false;

	for (size_t i = 0; i < count; i++) {
		if (is_left(s, dirty[i]))
			continue;
		dirty[i]->dirty = false;
		const uint64_t ranges = dirty[i]->asks.ranges;
		compile_service(s, dirty[i]);
		any = true;
		elements += turn_cost(s, dirty[i], ranges);
		if (!sync_reads_all(s) && (changes_count(s->changes) >= TURN_CHANGES || elements >= TURN_ELEMENTS))
			break;
	}
	owners_report_conflicts(s->owners);
	return any;
}

/* The sets that belong to no service. */
static void compile_ranges(struct sync *s)
{
	struct element_list next = {0};

	ranges_collect(&next, &s->deps.ranges, s->deps.store);
	for (size_t i = 0; !sync_reads_all(s) && i < s->ranges.count; i++)
		changes_del(s->changes, &s->ranges.items[i]);
	for (size_t i = 0; !sync_reads_all(s) && i < next.count; i++)
		changes_add(s->changes, &next.items[i]);
	element_list_fini(&s->ranges);
	s->ranges = next;
	s->ranges_stale = false;
	sync_reverse_ranges(s);
}

/* Services that were deleted while no process ran: the packet path may still remember them. */
static void report_vanished(const struct sync *s)
{
	if (s->stats.done || s->deps.gone == NULL)
		return;
	for (size_t i = 0; i < s->image.elements.count; i++) {
		const struct element *e = &s->image.elements.items[i];
		const struct frontend_key key = frontend_key_of(e);
		if (e->set == SET_DISPATCH && owners_find(s->owners, &key) == NULL)
			s->deps.gone(s->deps.ctx, &key);
	}
}

bool sync_compile(struct sync *s)
{
	bool any = compile_dirty(s) || table_parts_any(&s->must_read_back) || s->ranges_stale || s->pending_count != 0;

	slot_restore_free(s->restore);
	s->restore = NULL;
	report_vanished(s);
	if (s->ranges_stale)
		compile_ranges(s);
	store_unmark(s->deps.store);
	return any;
}
