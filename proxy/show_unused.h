/*
 * The endpoints that have a Service's label and never became its own: `fairlead endpoints` names each with the reason.
 * Main thread.
 */
#ifndef PROXY_SHOW_UNUSED_H
#define PROXY_SHOW_UNUSED_H

#include "base/json.h"
#include "proxy/store.h"

#define UNUSED_NO_LABEL "it has no label kubernetes.io/service-name"
#define UNUSED_LISTED_MAX 1000 /* endpoints; further ones are counted */

typedef void unused_fn(void *ctx, const char *address, const struct slice_object *e, const char *reason);
/* Calls `one` for each, up to the limit; returns how many there are. */
size_t unused_each(const struct store *s, const struct store_service *service, unused_fn *one, void *ctx);
void print_unused(struct buf *out, const struct store *s, const struct store_service *service);
/* An array "unusedEndpoints". */
void print_unused_json(struct json *j, const struct store *s, const struct store_service *service);
/* Slices without their Service; "" when there are none. */
void print_orphans(struct buf *out, const struct store *s, const struct store_service *service);

#endif
