#include "proxy/quarantine.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"

/* Every element but those of the ranges stands under a frontend or a ClusterIP, and these have one owner. */
static struct store_service *owner_of(const struct element *e, const struct owners *owners, const struct store *store)
{
	const struct frontend_key key = {.addr = e->daddr, .proto = e->proto, .port = e->port};
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
	if (service->pending && service->refusal != NULL)
		return service; /* it is known */
	return h->times >= (service->pending ? QUARANTINE_AFTER : QUARANTINE_AFTER_PUBLISHED) ? service : NULL;
}

static void hold(struct quarantine *h, struct store_service *service, const char *reason, uint64_t now_ms)
{
	const bool known = service->refusal != NULL && strcmp(service->refusal, reason) == 0;

	h->count += service->refusal == NULL;
	h->suspect = NULL;
	h->retry_at_ms = now_ms + QUARANTINE_RETRY_MS;
	if (!known)
		log_warn("service %s: %s; keeping the last good version; retrying on change or in %u s", service->key,
			 reason, QUARANTINE_RETRY_MS / 1000);
	char *copy = mem_strdup(reason);
	free(service->refusal);
	service->refusal = copy;
}

void quarantine_rejected(struct quarantine *h, struct store_service *service, const char *error, uint64_t now_ms)
{
	struct buf reason = {0};

	buf_printf(&reason, "rejected by the kernel: %s", error);
	hold(h, service, reason.data, now_ms);
	buf_fini(&reason);
}

bool quarantine_over_budget(struct quarantine *h, struct store_service *service, const struct compile_input *in,
			    struct arena *scratch, uint64_t now_ms)
{
	uint64_t count = in->max_elements != 0 ? budget_count(in, scratch) : 0;
	char reason[160];

	if (count <= in->max_elements)
		return false;
	snprintf(reason, sizeof reason,
		 "asks for up to %" PRIu64 " elements or DNS records, --max-service-elements is %" PRIu64, count,
		 in->max_elements);
	hold(h, service, reason, now_ms);
	return true;
}

void quarantine_release(struct quarantine *h, struct store_service *service)
{
	if (service->refusal == NULL)
		return;
	free(service->refusal);
	service->refusal = NULL;
	h->count--;
	if (service->object != NULL)
		log_notice("service %s: accepted again", service->key);
}

void quarantine_turn(struct quarantine *h, struct store *store, uint64_t now_ms)
{
	struct store_service *service;
	size_t at = 0;

	if (h->count == 0 || now_ms < h->retry_at_ms)
		return;
	h->retry_at_ms = now_ms + QUARANTINE_RETRY_MS;
	while ((service = store_next_service(store, &at)) != NULL)
		if (service->refusal != NULL)
			store_mark(store, service);
}

uint64_t quarantine_wait(const struct quarantine *h, uint64_t now_ms)
{
	if (h->count == 0)
		return UINT64_MAX;
	return h->retry_at_ms > now_ms ? h->retry_at_ms - now_ms : 0;
}
