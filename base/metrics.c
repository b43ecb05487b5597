/* Renders Prometheus text from what the providers write. */
#include "base/metrics.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

struct provider {
	metrics_provider_fn *fn;
	void *ctx;
	struct provider *next;
};

struct metrics {
	struct provider *providers, **last_provider;
};

struct metrics_page {
	struct buf *out;
	const struct metric_desc *current; /* family whose header was written last */
};

struct metrics *metrics_new(void)
{
	struct metrics *m = mem_alloc(sizeof *m);

	m->last_provider = &m->providers;
	return m;
}

void metrics_free(struct metrics *m)
{
	if (m == NULL)
		return;
	for (struct provider *p = m->providers, *next; p != NULL; p = next) {
		next = p->next;
		free(p);
	}
	free(m);
}

/*
 * Label values escape backslash, quote and newline; help texts only backslash and newline (format 0.0.4). Bytes that
 * are not UTF-8 and control characters become U+FFFD: one of them would make Prometheus refuse the whole page.
 */
static void escape(struct buf *out, const char *text, bool quote)
{
	size_t left = strlen(text), bytes;

	for (; left > 0; text += bytes, left -= bytes) {
		uint32_t c = text_character(text, left, &bytes);
		if (c == '\\')
			buf_puts(out, "\\\\");
		else if (c == '\n')
			buf_puts(out, "\\n");
		else if (c == '"' && quote)
			buf_puts(out, "\\\"");
		else if (!text_is_printable(c))
			buf_puts(out, "\xef\xbf\xbd");
		else
			buf_add(out, text, bytes);
	}
}

static void put_labels(struct buf *out, const struct metric_label *labels)
{
	for (const struct metric_label *l = labels; l != NULL && l->name != NULL; l++) {
		buf_printf(out, "%s%s=\"", l == labels ? "" : ",", l->name);
		escape(out, l->value, true);
		buf_puts(out, "\"");
	}
}

void metric_observe(struct metric_histogram *h, const struct metric_desc *desc, double value)
{
	size_t i = 0;

	assert(desc->kind == METRIC_HISTOGRAM && desc->bound_count < METRIC_BUCKETS_MAX);
	while (i < desc->bound_count && value > desc->bounds[i])
		i++;
	h->counts[i]++;
	h->sum += value;
}

void metrics_provider(struct metrics *m, metrics_provider_fn *provider, void *ctx)
{
	if (m == NULL)
		return;
	struct provider *p = mem_alloc(sizeof *p);
	p->fn = provider;
	p->ctx = ctx;
	*m->last_provider = p;
	m->last_provider = &p->next;
}

/* Shortest of two precisions that reads back as the same number. */
static void put_number(struct buf *out, double value)
{
	char text[40];

	if (isnan(value)) {
		buf_puts(out, "NaN");
		return;
	}
	if (isinf(value)) {
		buf_puts(out, value > 0 ? "+Inf" : "-Inf");
		return;
	}
	snprintf(text, sizeof text, "%.15g", value);
	if (strtod(text, NULL) != value)
		snprintf(text, sizeof text, "%.17g", value);
	buf_puts(out, text);
}

static void put_header(struct metrics_page *page, const struct metric_desc *desc)
{
	static const char *const kinds[] = {"counter", "gauge", "histogram"};

	if (page->current == desc)
		return;
	page->current = desc;
	buf_printf(page->out, "# HELP %s ", desc->name);
	escape(page->out, desc->help, false);
	buf_printf(page->out, "\n# TYPE %s %s\n", desc->name, kinds[desc->kind]);
}

/* labels is escaped text, "" for none; bound NULL or the text of an "le" label. */
static void put_line(struct buf *out, const char *name, const char *suffix, const char *labels, const double *bound)
{
	buf_printf(out, "%s%s", name, suffix);
	if (labels[0] == '\0' && bound == NULL) {
		buf_puts(out, " ");
		return;
	}
	buf_printf(out, "{%s", labels);
	if (bound != NULL) {
		buf_puts(out, labels[0] != '\0' ? ",le=\"" : "le=\"");
		put_number(out, *bound);
		buf_puts(out, "\"");
	}
	buf_puts(out, "} ");
}

static void put_histogram(struct buf *out, const struct metric_desc *desc, const char *labels, const uint64_t *counts,
			  double sum)
{
	const double infinite = INFINITY;
	uint64_t below = 0;

	for (size_t i = 0; i <= desc->bound_count; i++) {
		below += counts[i];
		put_line(out, desc->name, "_bucket", labels, i < desc->bound_count ? &desc->bounds[i] : &infinite);
		buf_printf(out, "%llu\n", (unsigned long long)below);
	}
	put_line(out, desc->name, "_sum", labels, NULL);
	put_number(out, sum);
	buf_puts(out, "\n");
	put_line(out, desc->name, "_count", labels, NULL);
	buf_printf(out, "%llu\n", (unsigned long long)below);
}

static void put_value(struct buf *out, const struct metric_desc *desc, const char *labels, double value)
{
	put_line(out, desc->name, "", labels, NULL);
	put_number(out, value);
	buf_puts(out, "\n");
}

void metrics_put(struct metrics_page *page, const struct metric_desc *desc, const struct metric_label *labels,
		 double value)
{
	struct buf text = {0};

	assert(desc->kind != METRIC_HISTOGRAM);
	buf_add(&text, "", 0);
	put_labels(&text, labels);
	put_header(page, desc);
	put_value(page->out, desc, text.data, value);
	buf_fini(&text);
}

void metrics_put_histogram(struct metrics_page *page, const struct metric_desc *desc, const struct metric_label *labels,
			   const uint64_t *counts, double sum)
{
	struct buf text = {0};

	assert(desc->kind == METRIC_HISTOGRAM);
	buf_add(&text, "", 0);
	put_labels(&text, labels);
	put_header(page, desc);
	put_histogram(page->out, desc, text.data, counts, sum);
	buf_fini(&text);
}

void metrics_render(const struct metrics *m, struct buf *out)
{
	struct metrics_page page = {.out = out};

	if (m == NULL)
		return;
	for (const struct provider *p = m->providers; p != NULL; p = p->next)
		p->fn(p->ctx, &page);
}
