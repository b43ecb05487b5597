/* The kernel refused a commit, or could not be read: what is tried again, when, and without which service. */
#include "base/log.h"
#include "proxy/sync_private.h"

#define RETRY_FIRST_MS 100u
#define RETRY_OWN_LAST_MS 200u /* while another program interferes with our own changes */
#define RETRY_LAST_MS 30000u

/* The others go on at once, without the one that the kernel refuses. */
static uint64_t retry_without(struct sync *s, struct store_service *culprit, uint64_t now_ms)
{
	quarantine_rejected(&s->quarantine, culprit, nft_error(s->deps.nft), now_ms);
	sync_revert(s, culprit);
	s->stats.quarantined = s->quarantine.count;
	s->retry_ms = 0;
	s->earliest_ms = now_ms;
	return 0;
}

/* An external change that is being repaired must not raise the back-off above the repair's own. */
static uint64_t retry_last_ms(const struct sync *s)
{
	if (!s->drift.waits)
		return RETRY_LAST_MS;
	return s->pending_count != 0 ? RETRY_OWN_LAST_MS : DRIFT_PAUSE_LAST_MS;
}

static uint64_t back_off(struct sync *s, uint64_t now_ms)
{
	s->retry_ms = s->retry_ms == 0 ? RETRY_FIRST_MS : s->retry_ms * 2;
	if (s->retry_ms > retry_last_ms(s))
		s->retry_ms = retry_last_ms(s);
	s->earliest_ms = now_ms + s->retry_ms;
	log_warn("kernel: %s; next try in %u ms", nft_error(s->deps.nft), (unsigned)s->retry_ms);
	return s->retry_ms;
}

/* All that was sent is of one service. The parts before are taken back by the next turn, which reads the table back. */
uint64_t sync_refused_large(struct sync *s, uint64_t now_ms)
{
	struct store_service *service = s->large.service;
	struct element e;
	const bool its_fault = nft_refused(s->deps.nft, &e);
	const bool again = !its_fault || (service->refusal == NULL && s->large_suspect != service);

	sync_external_changes(s, now_ms);
	s->must_read_back = TABLE_PARTS_ALL;
	s->stats.in_sync = false;
	s->stats.refused++;
	s->large_suspect = its_fault ? service : NULL;
	if (again) {
		sync_large_abandon(s, true);
		return back_off(s, now_ms);
	}
	quarantine_rejected(&s->quarantine, service, nft_error(s->deps.nft), now_ms);
	sync_large_abandon(s, false);
	s->stats.quarantined = s->quarantine.count;
	s->earliest_ms = now_ms;
	return 0;
}

uint64_t sync_refused(struct sync *s, uint64_t now_ms)
{
	const bool was_read_back = sync_reads_all(s);
	struct store_service *culprit = quarantine_culprit(&s->quarantine, s->deps.nft, s->owners, s->deps.store);

	sync_external_changes(s, now_ms); /* often the reason */
	s->must_read_back = TABLE_PARTS_ALL;
	s->stats.in_sync = false;
	s->stats.refused++;
	if (culprit != NULL)
		return retry_without(s, culprit, now_ms);
	if (s->drift.waits && !was_read_back) { /* a difference to what another program changed */
		s->earliest_ms = now_ms;
		return 0;
	}
	return back_off(s, now_ms);
}
