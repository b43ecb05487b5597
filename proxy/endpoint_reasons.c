/* Finds the reasons of endpoints in the slices of their Service. */
#include "proxy/endpoint_reasons.h"

/* addr NULL: any. */
static const char *find(const struct store_service *service, const struct addr *addr)
{
	for (size_t i = 0; i < service->slice_count; i++)
		for (size_t k = 0; k < service->slices[i]->endpoint_count; k++) {
			const struct endpoint_object *e = &service->slices[i]->endpoints[k];
			const char *reason = endpoint_extra(e)->reason;
			if (reason != NULL && (addr == NULL || addr_equal(&e->addr, addr)))
				return reason;
		}
	return NULL;
}

struct endpoint_reasons endpoint_reasons_of(const struct store_service *service)
{
	return (struct endpoint_reasons){service, service != NULL && find(service, NULL) != NULL};
}

const char *endpoint_reason(const struct endpoint_reasons *r, const struct addr *addr)
{
	return r->any ? find(r->service, addr) : NULL;
}
