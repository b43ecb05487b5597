/* What status and the metrics say about steering. */
#include "daemon/steering.h"

static const char *reason_of(const struct steering *s, size_t i)
{
	return s->reasons[i] != NULL ? s->reasons[i] : s->held;
}

void steering_json(const struct daemon *d, struct json *j)
{
	const struct steering *s = &d->steering;
	char text[ADDR_TEXT_BYTES];

	json_object(j, "steering");
	json_bool(j, "possible", s->table != NULL);
	if (s->why_not != NULL)
		json_string(j, "reason", s->why_not);
	json_array(j, "addresses");
	for (size_t i = 0; i < s->count; i++) {
		json_object(j, NULL);
		json_string(j, "address", addr_format(&s->wanted[i].to, text));
		json_bool(j, "steered", reason_of(s, i) == NULL);
		if (reason_of(s, i) != NULL)
			json_string(j, "reason", reason_of(s, i));
		json_end(j);
	}
	json_end(j);
	json_number(j, "lapses", (int64_t)s->lapses);
	json_end(j);
}

void steering_text(const struct daemon *d, struct buf *out)
{
	const struct steering *s = &d->steering;
	char text[ADDR_TEXT_BYTES];

	if (s->why_not != NULL)
		buf_printf(out, "         not steered: %s\n", s->why_not);
	for (size_t i = 0; i < s->count; i++) {
		const char *why = reason_of(s, i);
		buf_printf(out, "         %s: %s%s%s\n", why == NULL ? "steered" : "not steered",
			   addr_format(&s->wanted[i].to, text), why == NULL ? "" : ": ", why == NULL ? "" : why);
	}
}

/* ---- metrics ---- */

static const struct metric_desc steered = {
	"fairlead_dns_steered", "Whether DNS queries to the address come to this process.", METRIC_GAUGE, NULL, 0};
static const struct metric_desc lapses = {"fairlead_dns_steering_lapses_total",
					  "Times that steering ended because it was not renewed in time.",
					  METRIC_COUNTER, NULL, 0};

static void all_put(void *ctx, struct metrics_page *page)
{
	const struct daemon *d = ctx;
	const struct steering *s = &d->steering;
	char text[ADDR_TEXT_BYTES];

	for (size_t i = 0; i < s->count; i++)
		metrics_put(page, &steered, METRIC_LABELS({"address", addr_format(&s->wanted[i].to, text)}),
			    reason_of(s, i) == NULL);
	metrics_put(page, &lapses, NULL, (double)s->lapses);
}

void steering_metrics(struct daemon *d, struct metrics *m)
{
	if (d->steering.table != NULL)
		metrics_provider(m, all_put, d);
}
