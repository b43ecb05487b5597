/*
 * What the page remembers: the last rates, one a second, and the last changes. Bounded; nothing is allocated for a
 * sample. Main thread.
 */
#ifndef OBSERVE_PAGE_HISTORY_H
#define OBSERVE_PAGE_HISTORY_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define HISTORY_SAMPLES 120u /* of a rate: two minutes */
#define HISTORY_CHANGES 50u
#define HISTORY_CHANGE_BYTES 200

/* A counter seen now and then, as a rate for each second between. */
struct history_rate {
	uint64_t last;			 /* the counter, when it was seen */
	uint64_t last_ms;		 /* when; 0: not yet */
	size_t count;			 /* samples, up to HISTORY_SAMPLES */
	size_t at;			 /* where the next goes */
	double samples[HISTORY_SAMPLES]; /* per second */
};

/* A counter that became smaller starts anew. A gap of more than HISTORY_SAMPLES seconds clears the samples. */
void history_seen(struct history_rate *r, uint64_t counter, uint64_t now_ms);
/* The newest; < 0: not known. */
double history_now(const struct history_rate *r);
/* An SVG element of the samples, the newest at the right; label: what it shows, for people who do not see it. */
void history_plot(struct buf *out, const struct history_rate *r, const char *label);

struct history_change {
	int64_t wall_ms;
	char text[HISTORY_CHANGE_BYTES];
};

struct history_changes {
	size_t count, at; /* as above */
	struct history_change items[HISTORY_CHANGES];
};

void history_add(struct history_changes *h, int64_t wall_ms, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* back 0: the newest; NULL: there are no more. */
const struct history_change *history_get(const struct history_changes *h, size_t back);

#endif
