/* Objects to services: compiles what changed and collects what changes in the kernel by it. */
#include <stdlib.h>

#include "proxy/ranges.h"
#include "proxy/sync_private.h"
#include "service/compile.h"

void sync_reverse_ranges(struct sync *s)
{
	struct cidr_list ranges = {0};

	ranges_known(&ranges, &s->deps.ranges, s->deps.node, s->deps.store);
	zone_reverse_set(s->deps.zone, ranges.items, ranges.count);
	free(ranges.items);
}

static void add_pending(struct sync *s, struct store_service *service)
{
	s->pending = mem_grow(s->pending, s->pending_count, &s->pending_room, sizeof(struct store_service *));
	s->pending[s->pending_count++] = service;
	service->pending = true;
}

/* Compiles one service and collects what changes in the kernel by it. */
static void compile_service(struct sync *s, struct store_service *service)
{
	const struct service *prev = sync_newest(service);
	struct service *next = NULL, *unpublished = service->pending ? service->next : NULL;

	if (service->object != NULL) {
		const struct compile_input in = {.object = service->object,
						 .slice_count = service->slice_count,
						 .slices = service->slices,
						 .node = &s->deps.node->view,
						 .proxy_name = s->deps.proxy_name,
						 .endpoint_pod_names = s->deps.endpoint_pod_names,
						 .prev = prev,
						 .restore = s->restore};
		if (!quarantine_admit(&s->quarantine, service, &in, s->scratch, s->now_ms))
			return;
		next = service_compile(&in, s->scratch);
	} else {
		service->elements = 0;
	}
	if (prev == NULL && next == NULL) {
		quarantine_release(&s->quarantine, service);
		return;
	}
	if (sync_reads_all(s))
		owners_replace(s->owners, prev, next, NULL, NULL);
	else
		changes_service(s->changes, s->owners, prev, next);
	service->next = next;
	if (!service->pending)
		add_pending(s, service);
	service_free(unpublished);
}

void sync_revert(struct sync *s, struct store_service *service)
{
	size_t at = 0;

	if (!service->pending) {
		owners_replace(s->owners, service->current, NULL, NULL, NULL);
		service->next = NULL;
		add_pending(s, service);
		return;
	}
	owners_replace(s->owners, service->next, service->current, NULL, NULL);
	service_free(service->next);
	service->next = NULL;
	service->pending = false;
	while (s->pending[at] != service)
		at++;
	s->pending[at] = s->pending[--s->pending_count];
}

static void compile_dirty(struct sync *s)
{
	size_t count;
	struct store_service *const *dirty = store_dirty(s->deps.store, &count);

	for (size_t i = 0; i < count; i++)
		compile_service(s, dirty[i]);
	owners_report_conflicts(s->owners);
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

void sync_compile(struct sync *s)
{
	compile_dirty(s);
	slot_restore_free(s->restore);
	s->restore = NULL;
	report_vanished(s);
	if (s->ranges_stale)
		compile_ranges(s);
	store_unmark(s->deps.store);
}
