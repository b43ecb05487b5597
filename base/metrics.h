/*
 * The one place that renders counters, gauges and histograms as Prometheus text (format 0.0.4).
 *
 * Each module keeps its figures itself, as plain numbers, and registers a provider that writes them while a page is
 * made. Providers run in the main thread; figures of other threads are atomic. A NULL registry takes providers and
 * forgets them, so that a module needs no second path without metrics.
 */
#ifndef BASE_METRICS_H
#define BASE_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

/* One family. Constant and static: the registry keeps the pointer. */
struct metric_desc {
	const char *name; /* with unit and, for counters, "_total" */
	const char *help;
	enum metric_kind kind;
	const double *bounds; /* histograms: upper bounds, rising, without +Inf */
	size_t bound_count;
};

/* Label lists end with a NULL name; a NULL list is empty. Text is copied and escaped. */
struct metric_label {
	const char *name, *value;
};
#define METRIC_LABELS(...) ((const struct metric_label[]){__VA_ARGS__, {NULL, NULL}})

struct metrics;
struct metrics_page;

struct metrics *metrics_new(void);
void metrics_free(struct metrics *m); /* NULL is fine */

/*
 * A provider writes whole families, each in one go: the text format wants the series of a family side by side. ctx
 * outlives the last page.
 */
typedef void metrics_provider_fn(void *ctx, struct metrics_page *page);
void metrics_provider(struct metrics *m, metrics_provider_fn *provider, void *ctx);
/* Counter or gauge. */
void metrics_put(struct metrics_page *page, const struct metric_desc *desc, const struct metric_label *labels,
		 double value);
/* counts[desc->bound_count + 1]: observations per bucket, not cumulated, the last one for +Inf. */
void metrics_put_histogram(struct metrics_page *page, const struct metric_desc *desc, const struct metric_label *labels,
			   const uint64_t *counts, double sum);

/* A histogram as its module keeps it: observations per bucket, not cumulated, and the sum of their values. */
#define METRIC_BUCKETS_MAX 96
struct metric_histogram {
	uint64_t counts[METRIC_BUCKETS_MAX];
	double sum;
};
void metric_observe(struct metric_histogram *h, const struct metric_desc *desc, double value);

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"
/* Appends the whole page. */
void metrics_render(const struct metrics *m, struct buf *out);

#endif
