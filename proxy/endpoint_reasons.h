/* Why an endpoint is not ready, where its source knows more than that: a probe that fails (watch/lab/). Main thread. */
#ifndef PROXY_ENDPOINT_REASONS_H
#define PROXY_ENDPOINT_REASONS_H

#include "proxy/store.h"

struct endpoint_reasons {
	const struct store_service *service;
	bool any; /* false: no endpoint has one, so that none is looked for */
};

struct endpoint_reasons endpoint_reasons_of(const struct store_service *service); /* NULL: none */
/* NULL: none. Borrowed from the object. */
const char *endpoint_reason(const struct endpoint_reasons *r, const struct addr *addr);

#endif
