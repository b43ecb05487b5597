/* The sync story: read back, compile, diff, commit, publish. */
#include "proxy/sync.h"

#include <stdlib.h>

#include "base/clock.h"
#include "proxy/conflicts.h"
#include "proxy/sync_private.h"

struct sync *sync_new(const struct sync_config *config)
{
	struct sync *s = mem_alloc(sizeof *s);

	s->deps = *config;
	s->scratch = arena_new(16384);
	s->owners = owners_new(conflict_log, NULL);
	s->changes = changes_new();
	s->quarantine.memory = config->memory;
	s->quarantine.max_elements = config->max_elements;
	s->must_read_back = TABLE_PARTS_ALL;
	s->ranges_stale = true;
	sync_reverse_ranges(s); /* what flags say counts before the first sync, too */
	return s;
}

void sync_free(struct sync *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->pending_count; i++)
		service_free(s->pending[i]->next);
	if (s->large.service != NULL)
		service_free(s->large.service->next);
	nft_parts_free(s->large.parts);
	changes_free(s->large.changes);
	owners_free(s->owners);
	changes_free(s->changes);
	slot_restore_free(s->restore);
	adopt_fini(&s->image);
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

void sync_rules_changed(struct sync *s)
{
	s->must_read_back = TABLE_PARTS_ALL;
}

void sync_ranges_changed(struct sync *s)
{
	s->ranges_stale = true;
}

/* ---- when ---- */

static bool has_own_work(const struct sync *s)
{
	size_t dirty;

	store_dirty(s->deps.store, &dirty);
	return dirty != 0 || s->ranges_stale || s->pending_count != 0 || s->large.service != NULL ||
	       (table_parts_any(&s->must_read_back) && s->deps.nft != NULL);
}

static uint64_t left_ms(uint64_t due_ms, uint64_t now_ms)
{
	return due_ms > now_ms ? due_ms - now_ms : 0;
}

/*
 * How long until there is something to do; 0: now. Our own changes do not wait while repairs back off: they are sent as
 * differences, and when the kernel refuses them because of the external change, the table is read back at once.
 */
static uint64_t sync_wait(struct sync *s, uint64_t now_ms)
{
	const bool own = has_own_work(s);
	const uint64_t repair_ms = s->drift.waits ? left_ms(s->drift.due_ms, now_ms) : SYNC_IDLE;

	s->stats.in_sync = s->stats.done && !own && !s->drift.waits;
	if (!store_is_complete(s->deps.store) || (!own && !s->drift.waits))
		return quarantine_wait(&s->quarantine, now_ms);
	if (own || left_ms(s->earliest_ms, now_ms) > repair_ms)
		return left_ms(s->earliest_ms, now_ms);
	return repair_ms;
}

bool sync_external_changes(struct sync *s, uint64_t now_ms)
{
	struct external_changes *seen = &s->drift.seen;
	bool clients;

	if (s->deps.nft == NULL)
		return false;
	nft_monitor_read(s->deps.nft, seen);
	clients = seen->clients;
	seen->clients = false;
	if (clients && s->deps.clients != NULL)
		s->deps.clients(s->deps.ctx);
	if (!s->stats.done) /* the first look at the table is on its way */
		external_changes_clear(seen);
	if (!external_changes_due(seen))
		return clients;
	drift_notice(&s->drift, now_ms);
	return true;
}

/* ---- the turn ---- */

static void begin(struct sync *s, uint64_t now_ms)
{
	s->now_ms = now_ms;
	quarantine_turn(&s->quarantine, s->deps.store, now_ms);
	sync_external_changes(s, now_ms); /* a transaction that knows of it need not be refused */
}

static void read_back_changed(struct sync *s)
{
	s->must_read_back.rules |= s->drift.seen.parts.rules;
	s->must_read_back.sets |= s->drift.seen.parts.sets;
}

uint64_t sync_turn(struct sync *s, uint64_t now_ms)
{
	const uint64_t start_ns = clock_ns();

	begin(s, now_ms);
	uint64_t wait_ms = sync_wait(s, now_ms);
	if (wait_ms != 0)
		return wait_ms;
	if (s->drift.waits && now_ms >= s->drift.due_ms)
		read_back_changed(s);
	if (sync_read_back(s) < 0)
		return sync_refused(s, now_ms);
	if (sync_compile(s)) {
		sync_diff(s);
		if (sync_commit(s) < 0)
			return sync_refused(s, now_ms);
		sync_publish(s, now_ms, (clock_ns() - start_ns) / 1000);
		s->large_waits = s->operations != 0 && !s->large_waits;
	} else {
		s->large_waits = false;
	}
	if (!s->large_waits && sync_large(s, now_ms) < 0)
		return sync_refused_large(s, now_ms);
	sync_external_changes(s, now_ms); /* what came during a large load is only told here */
	return sync_wait(s, now_ms);
}
