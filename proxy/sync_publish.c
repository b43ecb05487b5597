/* What the kernel has now is shown: in DNS, to those who asked to be told, in metrics and in the log. */
#include <malloc.h>

#include "base/clock.h"
#include "base/log.h"
#include "proxy/sync_private.h"

static bool has_name(const struct service *s)
{
	return s != NULL && s->dns_kind != DNS_NONE && (s->dns_kind != DNS_HEADLESS || s->dns_endpoint_count != 0);
}

static void publish_one(struct sync *s, struct store_service *service, uint64_t now_ms)
{
	if (s->stats.done && !has_name(service->current) && has_name(service->next))
		service->appeared_ms = now_ms;
	if (s->deps.published != NULL)
		s->deps.published(s->deps.ctx, service->current, service->next);
	zone_replace(s->deps.zone, service->current, service->next);
	service->current = service->next;
	service->has = service->asks;
}

static void publish_services(struct sync *s, uint64_t now_ms)
{
	for (size_t i = 0; i < s->pending_count; i++) {
		struct store_service *service = s->pending[i];
		if (service->current != NULL || service->next != NULL)
			publish_one(s, service, now_ms);
		/* else it is quarantined, and withdrawn, or what came after `next` is quarantined */
		if ((service->next != NULL || service->object == NULL) && !service->newest_held)
			quarantine_release(&s->quarantine, service);
		service->next = NULL;
		service->pending = service->newest_held = false;
		store_settle(s->deps.store, service);
	}
	s->pending_count = 0;
	s->pending = mem_empty(s->pending, &s->pending_room);
	if (!s->stats.done)
		zone_complete(s->deps.zone);
}

static void log_turn(const struct sync *s, size_t services, bool repaired)
{
	const char *table = s->deps.table;
	const double took_ms = (double)s->stats.last_us / 1000;
	char by[EXTERNAL_CHANGES_BY_BYTES];

	if (s->deps.nft != NULL && !s->stats.done)
		log_notice("table inet %s: %s %zu elements for %zu services in %.3f ms", table,
			   s->stats.start == START_ADOPTED ? "kept, changed" : "loaded", s->operations, services,
			   took_ms);
	else if (repaired && s->operations != 0 && s->drift.pause_ms == 0)
		log_warn("table inet %s: changed by %s, repaired with %zu operations in %.3f ms", table,
			 external_changes_by(&s->drift.seen, by), s->operations, took_ms);
	else
		log_verbose("sync: %zu services, %zu operations, %.3f ms", services, s->operations, took_ms);
}

static void repair_done(struct sync *s, uint64_t now_ms)
{
	char by[EXTERNAL_CHANGES_BY_BYTES];

	if (s->drift.seen.lost && s->deps.clients != NULL) /* what was lost may be about clients */
		s->deps.clients(s->deps.ctx);
	s->stats.repairs += s->operations != 0;
	if (drift_repaired(&s->drift, now_ms, s->operations))
		log_warn("table inet %s: %s keeps changing it; repairs slow down", s->deps.table,
			 external_changes_by(&s->drift.seen, by));
	if (s->deps.nft != NULL)
		nft_monitor_retry(s->deps.nft);
}

static void count(struct sync_stats *stats, size_t operations, uint64_t took_us, bool full)
{
	stats->last_wall_ms = clock_wall_ms();
	stats->last_us = took_us;
	stats->last_operations = operations;
	stats->syncs++;
	stats->full += full;
	stats->operations += operations;
	if (!stats->done)
		stats->start_operations = operations;
}

void sync_publish(struct sync *s, uint64_t now_ms, uint64_t took_us)
{
	const size_t services = s->pending_count;
	const bool repaired = s->drift.waits && table_parts_any(&s->must_read_back);

	publish_services(s, now_ms);
	count(&s->stats, s->operations, took_us,
	      !s->stats.done || s->loaded || (sync_reads_all(s) && s->deps.nft != NULL));
	s->loaded = false;
	log_turn(s, services, repaired);
	if (repaired)
		repair_done(s, now_ms);
	if (s->operations != 0)
		s->earliest_ms = now_ms + took_us / 1000 + s->deps.min_period_ms;
	if (s->operations > ELEMENT_LIST_KEPT)
		malloc_trim(0); /* so many took memory that is free now, but still the process's */
	s->retry_ms = 0;
	s->quarantine.suspect = NULL;
	s->must_read_back = s->deps.nft == NULL ? TABLE_PARTS_ALL : (struct table_parts){0};
	s->stats.quarantined = s->quarantine.count;
	s->stats.done = true;
}
