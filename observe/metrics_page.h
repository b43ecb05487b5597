/*
 * The pages of the metrics port: /metrics, /proxyMode and /healthz as kube-proxy has them, and the metrics about this
 * process that every Prometheus client library exports (process_*, build information).
 */
#ifndef OBSERVE_METRICS_PAGE_H
#define OBSERVE_METRICS_PAGE_H

#include "base/metrics.h"
#include "observe/http.h"

/* Registers build information and the process_* metrics; called once, at start: it dates the process. Main thread. */
void metrics_page_init(struct metrics *m);

/* http_handler_fn: all pages but /metrics; any thread. */
bool metrics_page_handle(void *ctx, const char *path, struct http_reply *reply);
/* The same for /metrics; ctx is a struct metrics. Main thread. */
bool metrics_page_render(void *ctx, const char *path, struct http_reply *reply);

#endif
