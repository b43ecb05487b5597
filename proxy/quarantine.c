#include "proxy/quarantine.h"

#include <stdlib.h>
#include <string.h>

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

void quarantine_add(struct quarantine *h, struct store_service *service, const char *reason, uint64_t now_ms)
{
	const bool known = service->refusal != NULL && strcmp(service->refusal, reason) == 0;

	h->count += service->refusal == NULL;
	h->suspect = NULL;
	h->retry_at_ms = now_ms + QUARANTINE_RETRY_MS;
	if (!known)
		log_warn("service %s: the kernel refuses it: %s; it stays as it was; next try when it changes or in %u "
			 "s",
			 service->key, reason, QUARANTINE_RETRY_MS / 1000);
	char *copy = mem_strdup(reason);
	free(service->refusal);
	service->refusal = copy;
}

void quarantine_release(struct quarantine *h, struct store_service *service)
{
	if (service->refusal == NULL)
		return;
	free(service->refusal);
	service->refusal = NULL;
	h->count--;
	if (service->object != NULL)
		log_notice("service %s: the kernel takes it again", service->key);
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
