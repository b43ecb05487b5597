/*
 * Probed endpoints as HTML: a strip of the last results, a cell each, and why one that fails does. Those that fail come
 * first. Main thread.
 */
#ifndef OBSERVE_PAGE_PROBES_H
#define OBSERVE_PAGE_PROBES_H

#include "base/buf.h"
#include "proxy/store.h"
#include "watch/lab/probes.h"

#define PROBES_SHOWN 50u   /* on the page of all */
#define PROBES_LISTED 500u /* on a service's own */

/* Who knows them: calls fn for each. */
typedef void probes_each_fn(void *ctx, probe_seen_fn *fn, void *fn_ctx);

/* Nothing where nothing is probed. */
void probes_all(struct buf *out, probes_each_fn *each, void *ctx);
/* Of the endpoints of one Service. */
void probes_one(struct buf *out, probes_each_fn *each, void *ctx, const struct store_service *service);

#endif
