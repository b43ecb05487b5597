/*
 * Registry of counters, gauges and histograms, and the one place that renders them as Prometheus text (format 0.0.4).
 *
 * Series are registered at start and belong to the registry; their handles stay valid until metrics_free. Changing one
 * is an addition in memory. Every function takes a NULL registry or handle and then does nothing, so that a module
 * needs no second path without metrics. Main thread only: figures that other threads keep (DNS workers), or that
 * are cheaper to ask for than to keep, come from providers, which run on the main thread while a page is made.
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
struct metric;
struct metrics_page;

struct metrics *metrics_new(void);
void metrics_free(struct metrics *m); /* NULL is fine */

/* A series. The same name and labels again give the same handle. Descriptions of one name must agree in kind. */
struct metric *metrics_add(struct metrics *m, const struct metric_desc *desc, const struct metric_label *labels);

void metric_inc(struct metric *s);		 /* counter or gauge */
void metric_add(struct metric *s, double more);	 /* counter (more ≥ 0) or gauge */
void metric_set(struct metric *s, double value); /* gauge */
void metric_observe(struct metric *s, double value);

/*
 * Providers write whole families, each in one go: the text format wants the series of a family side by side. A family
 * comes from one provider or from metrics_add, not from both.
 */
typedef void metrics_provider_fn(void *ctx, struct metrics_page *page);
void metrics_provider(struct metrics *m, metrics_provider_fn *provider, void *ctx);
/* Counter or gauge. */
void metrics_put(struct metrics_page *page, const struct metric_desc *desc, const struct metric_label *labels,
		 double value);
/* counts[desc->bound_count + 1]: observations per bucket, not cumulated, the last one for +Inf. */
void metrics_put_histogram(struct metrics_page *page, const struct metric_desc *desc, const struct metric_label *labels,
			   const uint64_t *counts, double sum);

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"
/* Appends the whole page. */
void metrics_render(const struct metrics *m, struct buf *out);

#endif
