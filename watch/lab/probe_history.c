/* What the last results of a target were. */
#include "watch/lab/probe_history.h"

#include <stdio.h>
#include <string.h>

#define OTHER UINT8_MAX

static uint8_t number_of(struct probe_reasons *r, const char *why)
{
	const char *detail = strstr(why, ": ");
	char text[PROBE_REASON_BYTES];

	snprintf(text, sizeof text, "%.*s", detail != NULL ? (int)(detail - why) : (int)sizeof text, why);
	for (size_t i = 0; i < r->count; i++)
		if (strcmp(r->texts[i], text) == 0)
			return (uint8_t)(i + 1);
	if (r->count == PROBE_REASONS_MAX)
		return OTHER;
	memcpy(r->texts[r->count++], text, sizeof text);
	return (uint8_t)r->count;
}

void probe_history_add(struct probe_history *h, struct probe_reasons *r, const char *why)
{
	h->results[h->at] = why[0] == '\0' ? 0 : number_of(r, why);
	h->at = (uint8_t)((h->at + 1) % PROBE_HISTORY);
	if (h->count < PROBE_HISTORY)
		h->count++;
}

static const char *text_of(const struct probe_reasons *r, uint8_t number)
{
	if (number == 0)
		return NULL;
	return number <= r->count ? r->texts[number - 1] : "failed";
}

void probe_history_get(const struct probe_history *h, const struct probe_reasons *r, struct probe_seen *to)
{
	const size_t first = (size_t)h->at + PROBE_HISTORY - h->count;

	to->count = h->count;
	for (size_t i = 0; i < h->count; i++)
		to->results[i] = text_of(r, h->results[(first + i) % PROBE_HISTORY]);
}
