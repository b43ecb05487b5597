#include "proxy/sync.h"

#include <malloc.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "proxy/adopt.h"
#include "proxy/owners.h"
#include "service/compile.h"
#include "proxy/drift.h"
#include "proxy/elements.h"
#include "proxy/quarantine.h"
#include "proxy/ranges.h"

#define RETRY_FIRST_MS 100u
#define RETRY_LAST_MS 30000u

struct sync {
	struct sync_config parts;
	struct arena *scratch;
	struct owners *owners;
	struct changes *changes;	/* element differences of this turn */
	struct slot_memory *memory;	/* which slots an adopted table has its endpoints in; first turn only */
	struct element_list ranges;	/* in the kernel, or on their way */
	struct store_service **pending; /* with a `next` that is not published */
	size_t pending_count, pending_room;
	bool ranges_stale;
	bool distrust;	      /* the kernel must be read back: start, foreign change, refused commit */
	uint64_t earliest_ms; /* of the next transaction */
	uint64_t retry_ms;    /* back-off after a refused commit; 0: the last one went well */
	struct drift drift;
	struct quarantine quarantine;
	struct sync_stats stats;
};

/* Service and pod ranges: DNS answers for all reverse names in there. */
static void reverse_turn(struct sync *s)
{
	struct cidr_list ranges = {0};

	ranges_known(&ranges, &s->parts.ranges, s->parts.node, s->parts.store);
	zone_reverse_set(s->parts.zone, ranges.items, ranges.count);
	free(ranges.items);
}

struct sync *sync_new(const struct sync_config *config)
{
	struct sync *s = mem_alloc(sizeof *s);

	s->parts = *config;
	s->scratch = arena_new(16384);
	s->owners = owners_new(conflict_log, NULL);
	s->changes = changes_new();
	s->distrust = s->ranges_stale = true;
	reverse_turn(s); /* what flags say counts before the first sync, too */
	return s;
}

void sync_free(struct sync *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->pending_count; i++)
		service_free(s->pending[i]->next);
	owners_free(s->owners);
	changes_free(s->changes);
	slot_memory_free(s->memory);
	drift_fini(&s->drift);
	element_list_fini(&s->ranges);
	arena_free(s->scratch);
	free(s->pending);
	free(s);
}

const struct sync_stats *sync_stats(const struct sync *s)
{
	return &s->stats;
}

const struct owners *sync_owners(const struct sync *s)
{
	return s->owners;
}

/* ---- objects → services ---- */

/* The newest compiled version, in the kernel or on its way there. */
static const struct service *newest(const struct store_service *service)
{
	return service->pending ? service->next : service->current;
}

static void remember_pending(struct sync *s, struct store_service *service)
{
	if (s->pending_count == s->pending_room) {
		s->pending_room = s->pending_room != 0 ? s->pending_room * 2 : 64;
		s->pending = mem_resize(s->pending, s->pending_room * sizeof(struct store_service *));
	}
	s->pending[s->pending_count++] = service;
	service->pending = true;
}

/* Compiles one service and collects what changes in the kernel by it. */
static void service_turn(struct sync *s, struct store_service *service)
{
	const struct service *prev = newest(service);
	struct service *next = NULL, *unpublished = service->pending ? service->next : NULL;

	if (service->object != NULL) {
		const struct compile_input in = {.object = service->object,
						 .slice_count = service->slice_count,
						 .slices = service->slices,
						 .node = &s->parts.node->view,
						 .proxy_name = s->parts.proxy_name,
						 .endpoint_pod_names = s->parts.endpoint_pod_names,
						 .prev = prev,
						 .memory = s->memory};
		next = service_compile(&in, s->scratch);
	}
	if (prev == NULL && next == NULL) {
		quarantine_release(&s->quarantine, service);
		return;
	}
	if (s->distrust)
		owners_replace(s->owners, prev, next, NULL, NULL);
	else
		changes_service(s->changes, s->owners, prev, next);
	service->next = next;
	if (!service->pending)
		remember_pending(s, service);
	service_free(unpublished);
}

/*
 * Back to the version that the kernel has: what the service's objects ask for now is not asked for. When it is that
 * version which is refused, nothing is.
 */
static void service_revert(struct sync *s, struct store_service *service)
{
	size_t at = 0;

	if (!service->pending) {
		owners_replace(s->owners, service->current, NULL, NULL, NULL);
		service->next = NULL;
		remember_pending(s, service);
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
	struct store_service *const *dirty = store_dirty(s->parts.store, &count);

	for (size_t i = 0; i < count; i++)
		service_turn(s, dirty[i]);
	owners_report_conflicts(s->owners);
}

/* The sets that belong to no service. */
static void ranges_turn(struct sync *s)
{
	struct element_list next = {0};

	ranges_collect(&next, &s->parts.ranges, s->parts.store);
	for (size_t i = 0; !s->distrust && i < s->ranges.count; i++)
		changes_del(s->changes, &s->ranges.items[i]);
	for (size_t i = 0; !s->distrust && i < next.count; i++)
		changes_add(s->changes, &next.items[i]);
	element_list_fini(&s->ranges);
	s->ranges = next;
	s->ranges_stale = false;
	reverse_turn(s);
}

/* ---- elements → transaction ---- */

/* Or of everything what a foreign hand touched: filtered service by service, for all of it takes 15 MB. */
static void collect_everything(struct sync *s, struct element_list *want, bool touched)
{
	struct store_service *service = NULL;
	size_t at = 0, from = 0;

	for (size_t i = 0; i < s->ranges.count; i++)
		element_list_add(want, &s->ranges.items[i]);
	do {
		if (service != NULL && newest(service) != NULL)
			elements_collect(want, newest(service), s->owners);
		if (touched)
			drift_keep(&s->drift, want, from);
		from = want->count;
	} while ((service = store_next_service(s->parts.store, &at)) != NULL);
}

struct sent { /* by one turn */
	size_t operations;
	size_t repairs; /* of them, or all when the kernel was read back */
};

static void want_touched(struct sync *s)
{
	if (drift_wants_everything(&s->drift)) {
		element_list_clear(&s->drift.want);
		collect_everything(s, &s->drift.want, true);
	} else
		drift_want(&s->drift, s->owners, &s->ranges);
}

/* What changed by ourselves, and in the same transaction what a foreign hand did to single elements. */
static int send_changes(struct sync *s, struct sent *sent)
{
	const struct element_ops ops = adopt_transaction(s->parts.nft);

	if (s->drift.waits) {
		want_touched(s);
		sent->repairs = drift_flush(&s->drift, s->changes, &ops, &sent->operations);
	} else
		sent->operations = changes_flush(s->changes, &ops);
	return nft_tx_commit(s->parts.nft);
}

static int make_right(struct sync *s, struct image *image, struct sent *sent)
{
	struct element_list want = {0};

	collect_everything(s, &want, false);
	int error = adopt_fix(image, s->parts.nft, &want, &sent->operations);
	sent->repairs = sent->operations;
	element_list_fini(&want);
	if (error == 0 && !s->stats.done)
		s->stats.start = image->state == TABLE_OURS ? START_ADOPTED : START_LOADED;
	return error;
}

/* The first compilation gives endpoints the slots that they have in the kernel already. */
static void slots_remember(struct sync *s, const struct image *image)
{
	if (s->stats.done || image->state != TABLE_OURS)
		return;
	s->memory = slot_memory_new();
	for (size_t i = 0; i < image->elements.count; i++)
		slot_memory_add(s->memory, &image->elements.items[i]);
}

/* Services that were deleted while no process ran: the packet path may still remember them. */
static void tell_gone(const struct sync *s, const struct image *image)
{
	if (s->stats.done || s->parts.gone == NULL)
		return;
	for (size_t i = 0; i < image->elements.count; i++) {
		const struct element *e = &image->elements.items[i];
		const struct frontend_key key = {.addr = e->daddr, .proto = e->proto, .port = e->port};
		if (e->set == SET_DISPATCH && owners_find(s->owners, &key) == NULL)
			s->parts.gone(s->parts.ctx, &key);
	}
}

/* The whole, or what somebody else touched. 0 or a negative errno. */
static int read_kernel(struct sync *s, struct image *image)
{
	if (s->parts.nft == NULL)
		return 0;
	if (s->drift.waits && (s->drift.touched.everything || s->distrust || drift_read(&s->drift, s->parts.nft) < 0))
		s->distrust = true;
	return s->distrust ? adopt_read(image, s->parts.nft) : 0;
}

/* Compiles what changed and brings the kernel in sync. 0 or a negative errno: then the kernel is as it was. */
static int kernel_turn(struct sync *s, struct sent *sent)
{
	struct image image = {0};
	int error = read_kernel(s, &image);

	if (error == 0) {
		slots_remember(s, &image);
		compile_dirty(s);
		slot_memory_free(s->memory);
		s->memory = NULL;
		tell_gone(s, &image);
		if (s->ranges_stale)
			ranges_turn(s);
		store_unmark(s->parts.store);
		if (s->parts.nft != NULL)
			error = s->distrust ? make_right(s, &image, sent) : send_changes(s, sent);
	}
	adopt_fini(&image);
	return error;
}

/* ---- answers ---- */

static void publish_one(struct sync *s, struct store_service *service)
{
	if (s->parts.published != NULL)
		s->parts.published(s->parts.ctx, service->current, service->next);
	zone_replace(s->parts.zone, service->current, service->next);
	service->current = service->next;
}

static void publish(struct sync *s)
{
	for (size_t i = 0; i < s->pending_count; i++) {
		struct store_service *service = s->pending[i];
		if (service->current != NULL || service->next != NULL)
			publish_one(s, service);
		if (service->next != NULL || service->object == NULL) /* else it is held, and withdrawn */
			quarantine_release(&s->quarantine, service);
		service->next = NULL;
		service->pending = false;
		store_settle(s->parts.store, service);
	}
	s->pending_count = 0;
	if (!s->stats.done)
		zone_complete(s->parts.zone);
}

/* ---- the turn ---- */

static bool has_changes(const struct sync *s)
{
	size_t dirty;

	store_dirty(s->parts.store, &dirty);
	return dirty != 0 || s->ranges_stale;
}

static bool has_work(const struct sync *s)
{
	return has_changes(s) || s->pending_count != 0 || s->drift.waits || (s->distrust && s->parts.nft != NULL);
}

/* The others go on at once, without the one that the kernel refuses. */
static uint64_t turn_without(struct sync *s, struct store_service *culprit, uint64_t now_ms)
{
	quarantine_add(&s->quarantine, culprit, nft_error(s->parts.nft), now_ms);
	service_revert(s, culprit);
	s->stats.quarantined = s->quarantine.count;
	s->retry_ms = 0;
	s->earliest_ms = now_ms;
	return 0;
}

/* Nothing was changed in the kernel, and nothing is published. What was compiled waits; the kernel is read back. */
static uint64_t turn_refused(struct sync *s, uint64_t now_ms)
{
	struct store_service *culprit = quarantine_culprit(&s->quarantine, s->parts.nft, s->owners, s->parts.store);

	s->distrust = true;
	s->stats.in_sync = false;
	s->stats.refused++;
	if (culprit != NULL)
		return turn_without(s, culprit, now_ms);
	/* A foreign hand in the midst of its repair is no reason to wait longer than it makes repairs wait. */
	const uint64_t last_ms = s->drift.waits ? DRIFT_PAUSE_LAST_MS : RETRY_LAST_MS;
	s->retry_ms = s->retry_ms == 0 ? RETRY_FIRST_MS : s->retry_ms * 2;
	if (s->retry_ms > last_ms)
		s->retry_ms = last_ms;
	s->earliest_ms = now_ms + s->retry_ms;
	log_warn("kernel: %s; next try in %u ms", nft_error(s->parts.nft), (unsigned)s->retry_ms);
	return s->retry_ms;
}

static void log_turn(const struct sync *s, size_t services, const struct sent *sent)
{
	const char *table = s->parts.table;
	double took_ms = (double)s->stats.last_us / 1000;
	char by[TOUCHED_BY_BYTES];

	if (s->parts.nft != NULL && !s->stats.done)
		log_notice("table inet %s: %s %zu elements for %zu services in %.3f ms", table,
			   s->stats.start == START_ADOPTED ? "kept, changed" : "loaded", sent->operations, services,
			   took_ms);
	else if (s->drift.waits && sent->repairs != 0 && s->drift.pause_ms == 0)
		log_warn("table inet %s: changed by %s, repaired with %zu operations in %.3f ms", table,
			 touched_by(&s->drift.touched, by), sent->repairs, took_ms);
	else
		log_verbose("sync: %zu services, %zu operations, %.3f ms", services, sent->operations, took_ms);
}

static void tell_clients(const struct sync *s)
{
	if (s->parts.clients != NULL)
		s->parts.clients(s->parts.ctx);
}

static void repair_done(struct sync *s, uint64_t now_ms, size_t repairs)
{
	char by[TOUCHED_BY_BYTES];

	if (s->drift.touched.everything)
		tell_clients(s);
	s->stats.repairs += repairs != 0;
	if (drift_repaired(&s->drift, now_ms, repairs))
		log_warn("table inet %s: %s keeps changing it; repairs slow down", s->parts.table,
			 touched_by(&s->drift.touched, by));
}

static void turn_done(struct sync *s, uint64_t now_ms, uint64_t took_us, const struct sent *sent)
{
	struct sync_stats *stats = &s->stats;
	size_t services = s->pending_count;

	publish(s);
	stats->last_wall_ms = clock_wall_ms();
	stats->last_us = took_us;
	stats->last_operations = sent->operations;
	stats->syncs++;
	stats->full += !stats->done || (s->distrust && s->parts.nft != NULL);
	stats->operations += sent->operations;
	if (!stats->done)
		stats->start_operations = sent->operations;
	log_turn(s, services, sent);
	if (s->drift.waits)
		repair_done(s, now_ms, sent->repairs);
	if (sent->operations != 0)
		s->earliest_ms = now_ms + took_us / 1000 + s->parts.min_period_ms;
	if (sent->operations > ELEMENT_LIST_KEPT)
		malloc_trim(0); /* so many took memory that is free now, but still the process's */
	s->retry_ms = 0;
	s->quarantine.suspect = NULL;
	s->distrust = s->parts.nft == NULL;
	stats->quarantined = s->quarantine.count;
	stats->in_sync = stats->done = true;
}

uint64_t sync_turn(struct sync *s, uint64_t now_ms)
{
	struct sent sent = {0};

	quarantine_turn(&s->quarantine, s->parts.store, now_ms);
	if (!store_is_complete(s->parts.store) || !has_work(s))
		return quarantine_wait(&s->quarantine, now_ms);
	sync_foreign(s, now_ms); /* a transaction that knows of it need not be refused */
	uint64_t wait_ms = drift_wait(&s->drift, s->earliest_ms, now_ms, has_changes(s) && !s->distrust);
	if (wait_ms != 0) {
		s->stats.in_sync = false;
		return wait_ms;
	}
	uint64_t start_ns = clock_ns();
	if (kernel_turn(s, &sent) < 0)
		return turn_refused(s, now_ms);
	turn_done(s, now_ms, (clock_ns() - start_ns) / 1000, &sent);
	if (!sync_foreign(s, now_ms)) /* who came during a large load is told only here */
		return quarantine_wait(&s->quarantine, now_ms);
	return drift_wait(&s->drift, s->earliest_ms, now_ms, false);
}

bool sync_foreign(struct sync *s, uint64_t now_ms)
{
	if (s->parts.nft == NULL)
		return false;
	nft_monitor_read(s->parts.nft, &s->drift.touched);
	bool clients = s->drift.touched.clients;
	s->drift.touched.clients = false;
	if (clients)
		tell_clients(s);
	if (!touched_any(&s->drift.touched))
		return clients;
	if (!s->stats.done) { /* the first look at the table is on its way */
		touched_clear(&s->drift.touched);
		return false;
	}
	drift_notice(&s->drift, now_ms);
	return true;
}

void sync_rules_changed(struct sync *s)
{
	s->distrust = true;
}

void sync_ranges_changed(struct sync *s)
{
	s->ranges_stale = true;
}
