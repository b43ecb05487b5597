/* Keeps Services at their last good version. */
#include "proxy/quarantine.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/log_about.h"
#include "base/mem.h"

#define MB (UINT64_C(1) << 20)
/*
 * Things of which one Service has more make the changes of all others slower, so all that have more than a few share
 * what there may be. A few are always admitted and do not count, up to so many in a namespace: who may stay does not
 * depend on the order at a start, but among the Services of one tenant.
 */
struct shared_budget {
	uint64_t few, few_in_namespace, max;
	const char *what;
};
static const struct shared_budget budgets[BUDGET_SHARED] = {
	/* see BUDGET_RANGE_COST */
	{256, 4096, 8192, "source ranges (addresses x ports x ranges)"},
	/* see struct budget_counts */
	{1024, 32768, 131072, "entries of verdict maps (addresses x ports, 1 to 4 of each)"}};
#define ADOPTED_TIMES 4 /* what is counted may be so many times what the kernel has: endpoints that are not used */
#define EXACT_FROM 4096 /* elements: below it the count need not be exact, which costs part of a compilation */

/* Every element but those of the ranges stands under a frontend or a ClusterIP, and these have one owner. */
static struct store_service *owner_of(const struct element *e, const struct owners *owners, const struct store *store)
{
	const struct frontend_key key = frontend_key_of(e);
	const struct service *owner = e->daddr.family != 0 ? owners_find(owners, &key) : NULL;

	return owner != NULL ? store_service(store, owner->ns, owner->name) : NULL;
}

struct store_service *quarantine_culprit(struct quarantine *h, const struct nft *nft, const struct owners *owners,
					 const struct store *store)
{
	struct element e;
	struct store_service *service = nft_refused(nft, &e) ? owner_of(&e, owners, store) : NULL;

	h->times = service != NULL && service == h->suspect ? h->times + 1 : 1;
	h->suspect = service;
	if (service == NULL)
		return NULL;
	if (service->pending && service->refusal != NULL && !service->newest_held)
		return service; /* it is known */
	return h->times >= (service->pending ? QUARANTINE_AFTER : QUARANTINE_AFTER_PUBLISHED) ? service : NULL;
}

static void reason_forget(struct quarantine *h, struct store_service *service)
{
	h->short_count -= service->short_of_memory;
	h->waiting_count -= service->waits_for_kernel;
	service->short_of_memory = service->waits_for_kernel = false;
	service->rejected = 0;
}

static void hold(struct quarantine *h, struct store_service *service, const char *reason, uint64_t now_ms,
		 uint64_t retry_ms)
{
	const bool known = service->refusal != NULL && strcmp(service->refusal, reason) == 0;

	if (h->count == 0)
		h->retry_at_ms = now_ms + QUARANTINE_RETRY_MS;
	h->count += service->refusal == NULL;
	reason_forget(h, service);
	h->suspect = NULL;
	if (!known && log_about(LOG_WARN, service->ns))
		log_warn("service %s: %s; keeping the last good version; retrying on change or in %u s", service->key,
			 reason, (unsigned)(retry_ms / 1000));
	char *copy = mem_strdup(reason);
	free(service->refusal);
	service->refusal = copy;
}

void quarantine_rejected(struct quarantine *h, struct store_service *service, const char *error, uint64_t now_ms)
{
	struct buf reason = {0};

	buf_printf(&reason, "rejected by the kernel: %s", error);
	hold(h, service, reason.data, now_ms, QUARANTINE_RETRY_MS);
	service->rejected = ++h->rejections;
	buf_fini(&reason);
}

/* What is needed and what there is changes from try to try: it is told once. */
static void hold_for_memory(struct quarantine *h, struct store_service *service, uint64_t need_bytes,
			    uint64_t left_bytes, uint64_t now_ms)
{
	char reason[160];

	snprintf(reason, sizeof reason,
		 "needs about %" PRIu64 " MB of memory, %" PRIu64 " MB are left to the target of %" PRIu64 " MB",
		 need_bytes / MB + 1, left_bytes / MB, h->memory.target_bytes / MB);
	if (!service->short_of_memory) {
		hold(h, service, reason, now_ms, QUARANTINE_MEMORY_RETRY_MS);
		service->short_of_memory = true;
		if (h->short_count++ == 0)
			h->short_retry_at_ms = now_ms + QUARANTINE_MEMORY_RETRY_MS;
	}
}

static void hold_over_budget(struct quarantine *h, struct store_service *service, uint64_t count, uint64_t ranges,
			     uint64_t now_ms)
{
	char reason[200], of_ranges[64] = "";

	if (ranges != 0)
		snprintf(of_ranges, sizeof of_ranges, " (%" PRIu64 " source ranges count %d-fold)", ranges,
			 BUDGET_RANGE_COST);
	snprintf(reason, sizeof reason,
		 "asks for up to %" PRIu64 " elements or DNS records%s, --max-service-elements is %" PRIu64, count,
		 of_ranges, h->max_elements);
	hold(h, service, reason, now_ms, QUARANTINE_RETRY_MS);
}

static uint64_t asked_of(const struct budget_counts *asks, unsigned budget)
{
	return budget == 0 ? asks->ranges : asks->verdicts;
}

static uint64_t *shared_of(struct quarantine *h, unsigned budget)
{
	return budget == 0 ? &h->ranges : &h->verdicts;
}

/* Where what the service asks for is counted: with all others', or with the few of its namespace. */
static uint64_t *sum_of(struct quarantine *h, const struct store_service *service, unsigned budget, bool counts)
{
	return counts ? shared_of(h, budget)
		      : &h->few[budget][hash_key(service->ns, strlen(service->ns)) % QUARANTINE_NAMESPACES];
}

static bool counts(struct quarantine *h, const struct store_service *service, unsigned budget, uint64_t asked)
{
	const uint64_t own = service->counts[budget] ? 0 : asked_of(&service->asks, budget);
	const uint64_t few = *sum_of(h, service, budget, false) - own;

	return asked > budgets[budget].few || few + asked > budgets[budget].few_in_namespace;
}

/* As many as others leave, or a few. False: it is quarantined. */
static bool shares(struct quarantine *h, struct store_service *service, unsigned budget, uint64_t asked,
		   uint64_t now_ms)
{
	const struct shared_budget *b = &budgets[budget];
	const uint64_t before = asked_of(&service->asks, budget);
	const uint64_t others = *shared_of(h, budget) - (service->counts[budget] ? before : 0);
	char reason[200];

	if (asked <= before || asked <= b->max - (others < b->max ? others : b->max) ||
	    !counts(h, service, budget, asked))
		return true;
	snprintf(reason, sizeof reason,
		 "asks for up to %" PRIu64 " %s, of %" PRIu64 " for all Services %" PRIu64 " are taken", asked, b->what,
		 b->max, others);
	hold(h, service, reason, now_ms, QUARANTINE_RETRY_MS);
	return false;
}

static void take_share(struct quarantine *h, struct store_service *service, unsigned budget, uint64_t asked)
{
	const bool will_count = counts(h, service, budget, asked);

	*sum_of(h, service, budget, service->counts[budget]) -= asked_of(&service->asks, budget);
	*sum_of(h, service, budget, will_count) += asked;
	service->counts[budget] = will_count;
}

void quarantine_take(struct quarantine *h, struct store_service *service, const struct budget_counts *asks)
{
	const struct budget_counts *before = &service->asks;

	memory_target_grown(&h->memory, before->elements, asks->elements);
	h->all_ranges += asks->ranges - before->ranges;
	for (unsigned i = 0; i < BUDGET_SHARED; i++)
		take_share(h, service, i, asked_of(asks, i));
	service->asks = *asks;
}

void quarantine_give_back(struct quarantine *h, struct store_service *service)
{
	quarantine_take(h, service, &service->has);
}

/*
 * A restart adds nothing to what the kernel serves, and to hold a Service then is to withdraw it: there is no version
 * before. One that asks for much more than the kernel has of it was held, or has grown.
 */
static bool memory_fits(struct quarantine *h, struct store_service *service, const struct compile_input *in,
			uint64_t elements, uint64_t now_ms)
{
	const bool adopts = h->adopted != NULL && h->memory.target_bytes != 0;
	const uint64_t before = adopts ? adopt_count(h->adopted, in) : service->asks.elements;
	uint64_t left_bytes;

	if (adopts && elements / ADOPTED_TIMES <= before && before != 0) {
		memory_target_take(&h->memory, before, elements);
		return true;
	}
	if (memory_target_admit(&h->memory, before, elements, now_ms, &left_bytes))
		return true;
	hold_for_memory(h, service, memory_need(before, elements), left_bytes, now_ms);
	return false;
}

/*
 * A refusal costs a look at the whole table, so Services that were rejected are tried one at a time, with a pause
 * between: a client that edits one again and again makes no other Service wait.
 */
static bool kernel_may_be_asked(struct quarantine *h, struct store_service *service, uint64_t now_ms)
{
	bool may;

	if (service->rejected == 0)
		return true;
	h->waiting_count -= service->waits_for_kernel;
	may = now_ms >= h->rejected_again_ms && (h->waiting_count == 0 || service == h->next);
	service->waits_for_kernel = !may;
	h->waiting_count += service->waits_for_kernel;
	if (may)
		h->rejected_again_ms = now_ms + QUARANTINE_REJECTED_PAUSE_MS;
	return may;
}

bool quarantine_admit(struct quarantine *h, struct store_service *service, const struct compile_input *in,
		      struct arena *scratch, uint64_t now_ms)
{
	const uint64_t exact_from = h->max_elements != 0 && h->max_elements < EXACT_FROM ? h->max_elements : EXACT_FROM;
	const uint64_t count = budget_count(in, exact_from, scratch);
	struct budget_counts asks = {.ranges = budget_ranges(in), .verdicts = budget_verdicts(in)};

	if (h->max_elements != 0 && count > h->max_elements) {
		hold_over_budget(h, service, count, asks.ranges, now_ms);
		return false;
	}
	for (unsigned i = 0; i < BUDGET_SHARED; i++)
		if (!shares(h, service, i, asked_of(&asks, i), now_ms))
			return false;
	asks.elements = count - asks.ranges * (BUDGET_RANGE_COST - 1);
	if (!kernel_may_be_asked(h, service, now_ms))
		return false;
	if (!memory_fits(h, service, in, asks.elements, now_ms))
		return false;
	quarantine_take(h, service, &asks);
	return true;
}

void quarantine_release(struct quarantine *h, struct store_service *service)
{
	if (service->refusal == NULL)
		return;
	free(service->refusal);
	service->refusal = NULL;
	h->count--;
	if (service->rejected != 0)
		h->rejected_again_ms = 0; /* the kernel may take the others, too */
	reason_forget(h, service);
	if (service->object != NULL && log_about(LOG_NOTICE, service->ns))
		log_notice("service %s: accepted again", service->key);
}

static void mark(struct store *store, bool short_of_memory)
{
	struct store_service *service;
	size_t at = 0;

	while ((service = store_next_service(store, &at)) != NULL)
		if (service->refusal != NULL && (service->short_of_memory || !short_of_memory))
			store_mark(store, service);
}

/* The one whose last rejection is the oldest. */
static struct store_service *longest_waiting(const struct store *store)
{
	struct store_service *service, *longest = NULL;
	size_t at = 0;

	while ((service = store_next_service(store, &at)) != NULL)
		if (service->waits_for_kernel && (longest == NULL || service->rejected < longest->rejected))
			longest = service;
	return longest;
}

void quarantine_turn(struct quarantine *h, struct store *store, uint64_t now_ms)
{
	memory_target_turn(&h->memory);
	if (h->short_count != 0 && now_ms >= h->short_retry_at_ms) {
		h->short_retry_at_ms = now_ms + QUARANTINE_MEMORY_RETRY_MS;
		mark(store, true);
	}
	if (h->waiting_count != 0 && now_ms >= h->rejected_again_ms) {
		struct store_service *next = longest_waiting(store);
		h->next = next;
		store_mark(store, next);
	}
	if (h->count == 0 || now_ms < h->retry_at_ms)
		return;
	h->retry_at_ms = now_ms + QUARANTINE_RETRY_MS;
	mark(store, false);
}

static uint64_t left_ms(uint64_t at_ms, uint64_t now_ms)
{
	return at_ms > now_ms ? at_ms - now_ms : 0;
}

uint64_t quarantine_wait(const struct quarantine *h, uint64_t now_ms)
{
	uint64_t at_ms = h->retry_at_ms;

	if (h->count == 0)
		return UINT64_MAX;
	if (h->short_count != 0 && h->short_retry_at_ms < at_ms)
		at_ms = h->short_retry_at_ms;
	if (h->waiting_count != 0 && h->rejected_again_ms < at_ms)
		at_ms = h->rejected_again_ms;
	return left_ms(at_ms, now_ms);
}
