/* Remembers rates and changes for the page. */
#include "observe/page/history.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "observe/page/html.h"

#define PLOT_WIDTH (HISTORY_SAMPLES * 2)
#define PLOT_HEIGHT 40

static void push(struct history_rate *r, double rate)
{
	r->samples[r->at] = rate;
	r->at = (r->at + 1) % HISTORY_SAMPLES;
	if (r->count < HISTORY_SAMPLES)
		r->count++;
}

static void begin(struct history_rate *r, uint64_t counter, uint64_t now_ms)
{
	*r = (struct history_rate){.last = counter, .last_ms = now_ms};
}

void history_seen(struct history_rate *r, uint64_t counter, uint64_t now_ms)
{
	const uint64_t passed_ms = now_ms - r->last_ms;
	const uint64_t seconds = (passed_ms + 500) / 1000;

	if (r->last_ms == 0 || seconds > HISTORY_SAMPLES || counter < r->last) {
		begin(r, counter, now_ms);
		return;
	}
	if (seconds == 0)
		return;
	for (uint64_t i = 0; i < seconds; i++)
		push(r, (double)(counter - r->last) * 1000 / (double)passed_ms);
	r->last = counter;
	r->last_ms = now_ms;
}

double history_now(const struct history_rate *r)
{
	return r->count == 0 ? -1 : r->samples[(r->at + HISTORY_SAMPLES - 1) % HISTORY_SAMPLES];
}

static double sample(const struct history_rate *r, size_t back)
{
	return r->samples[(r->at + HISTORY_SAMPLES - 1 - back) % HISTORY_SAMPLES];
}

static double highest(const struct history_rate *r)
{
	double most = 0;

	for (size_t i = 0; i < r->count; i++)
		if (sample(r, i) > most)
			most = sample(r, i);
	return most;
}

void history_plot(struct buf *out, const struct history_rate *r, const char *label)
{
	const double most = highest(r), scale = most > 0 ? (PLOT_HEIGHT - 2) / most : 0;

	buf_printf(out, "<svg viewBox=\"0 0 %u %d\" preserveAspectRatio=\"none\" role=\"img\"><title>", PLOT_WIDTH,
		   PLOT_HEIGHT);
	html_printf(out, "%s, two minutes, highest %.1f a second", label, most);
	buf_puts(out, "</title><polyline points=\"");
	for (size_t i = r->count; i-- > 0;)
		buf_printf(out, "%zu,%.1f ", PLOT_WIDTH - 2 * i, PLOT_HEIGHT - 1 - sample(r, i) * scale);
	buf_puts(out, "\"/></svg>");
}

void history_add(struct history_changes *h, int64_t wall_ms, const char *fmt, ...)
{
	struct history_change *c = &h->items[h->at];
	va_list args;

	c->wall_ms = wall_ms;
	va_start(args, fmt);
	vsnprintf(c->text, sizeof c->text, fmt, args);
	va_end(args);
	h->at = (h->at + 1) % HISTORY_CHANGES;
	if (h->count < HISTORY_CHANGES)
		h->count++;
}

const struct history_change *history_get(const struct history_changes *h, size_t back)
{
	return back < h->count ? &h->items[(h->at + HISTORY_CHANGES - 1 - back) % HISTORY_CHANGES] : NULL;
}
