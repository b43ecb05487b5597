/*
 * One question that the forwarder asks an upstream for itself, to know whether it answers. The forwarder's thread.
 */
#ifndef DNS_FORWARD_PROBE_H
#define DNS_FORWARD_PROBE_H

#include "dns/forward/exchange.h"
#include "dns/forward/upstream.h"

struct probe;

/* replied: whatever the reply says. The probe is freed afterwards. */
typedef void probe_fn(void *ctx, struct probe *p, struct upstreams *of, size_t at, bool replied);

/* Holds `of` until its end, within limit_ms. */
struct probe *probe_start(struct ev_loop *loop, struct upstreams *of, size_t at, const struct question *asked,
			  double limit_s, probe_fn *done, void *ctx);
void probe_free(struct probe *p); /* without a call; releases `of` */

#endif
