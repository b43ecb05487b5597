/* What status and the metrics say about announced addresses. */
#include <stdio.h>

#include "daemon/announce_private.h"
#include "netlink/neighbour_question.h"

#define SHOWN_MAX 8 /* lines of text for addresses that are not announced; JSON has all */
#define REASON_BYTES 128

/* Why an address is not announced; NULL: it is. */
static const char *reason_of(const struct announce *a, const struct announce_wish *w, char text[REASON_BYTES])
{
	char mac[MAC_TEXT_BYTES];

	if (a->waiting != NULL)
		return a->waiting;
	if (w->fault == ANNOUNCE_UNABLE)
		return a->unable[w->addr.family == AF_INET6];
	if (w->fault != ANNOUNCE_FINE)
		return announce_fault_text((enum announce_fault)w->fault);
	const struct announced *one = announce_book_find(&a->book, &w->addr);
	if (one != NULL && one->state == ANNOUNCED_OURS)
		return NULL;
	if (one == NULL || !one->was_taken)
		return "asking whether another machine has it";
	snprintf(text, REASON_BYTES, "another machine has it (%s)", mac_format(one->mac, mac));
	return text;
}

static const struct announce_wish *wish_of(const struct announce *a, const struct addr *addr)
{
	size_t first = 0, last = a->wish_count;

	while (first < last) {
		const size_t middle = first + (last - first) / 2;
		const int order = addr_compare(&a->wishes[middle].addr, addr);
		if (order == 0)
			return &a->wishes[middle];
		if (order < 0)
			first = middle + 1;
		else
			last = middle;
	}
	return NULL;
}

bool announce_note(const struct announce *a, const struct frontend *f, bool *is_announced, struct buf *text)
{
	char room[REASON_BYTES];

	if (a == NULL || (f->kind != FRONTEND_LOAD_BALANCER && f->kind != FRONTEND_EXTERNAL_IP))
		return false;
	const struct announce_wish *w = wish_of(a, &f->key.addr);
	if (w == NULL)
		return false;
	const char *reason = reason_of(a, w, room);
	*is_announced = reason == NULL;
	if (*is_announced)
		buf_printf(text, "announced on %s", a->interface);
	else
		buf_printf(text, "not announced on %s: %s", a->interface, reason);
	return true;
}

void announce_json(const struct announce *a, struct json *j)
{
	char text[ADDR_TEXT_BYTES], room[REASON_BYTES];

	if (a == NULL)
		return;
	json_object(j, "announce");
	json_string(j, "interface", a->interface);
	json_bool(j, "ready", a->waiting == NULL);
	if (a->waiting != NULL)
		json_string(j, "reason", a->waiting);
	json_bool(j, "tells", a->packets >= 0);
	json_array(j, "addresses");
	for (size_t i = 0; i < a->wish_count; i++) {
		const char *reason = reason_of(a, &a->wishes[i], room);
		json_object(j, NULL);
		json_string(j, "address", addr_format(&a->wishes[i].addr, text));
		json_bool(j, "announced", reason == NULL);
		if (reason != NULL)
			json_string(j, "reason", reason);
		json_end(j);
	}
	json_end(j);
	json_end(j);
}

static void ours_text(const struct announce *a, struct buf *out)
{
	char text[ADDR_TEXT_BYTES], room[REASON_BYTES];
	size_t ours = announce_book_ours(&a->book), shown = 0;

	buf_printf(out, "%zu address%s", ours, ours == 1 ? "" : "es");
	for (size_t i = 0; i < a->wish_count && shown < SHOWN_MAX; i++)
		if (reason_of(a, &a->wishes[i], room) == NULL)
			buf_printf(out, "%s%s", shown++ == 0 ? ": " : ", ", addr_format(&a->wishes[i].addr, text));
	buf_puts(out, ours > shown ? ", …\n" : "\n");
}

void announce_text(const struct announce *a, struct buf *out)
{
	char text[ADDR_TEXT_BYTES], room[REASON_BYTES];
	size_t left = 0;

	if (a == NULL)
		return;
	buf_printf(out, "announce on %s: ", a->interface);
	if (a->waiting != NULL) {
		buf_printf(out, "waiting: %s\n", a->waiting);
		return;
	}
	ours_text(a, out);
	for (size_t i = 0; i < a->wish_count; i++) {
		const char *reason = reason_of(a, &a->wishes[i], room);
		if (reason != NULL && ++left <= SHOWN_MAX)
			buf_printf(out, "         not announced: %s: %s\n", addr_format(&a->wishes[i].addr, text),
				   reason);
	}
	if (left > SHOWN_MAX)
		buf_printf(out, "         and %zu more\n", left - SHOWN_MAX);
}

/* ---- metrics ---- */

static const struct metric_desc announced = {"fairlead_announced_addresses",
					     "Addresses that this machine answers for on the interface.", METRIC_GAUGE,
					     NULL, 0};
static const struct metric_desc taken = {"fairlead_announce_conflicts",
					 "Addresses that are not announced because another machine has them.",
					 METRIC_GAUGE, NULL, 0};
static const struct metric_desc told = {"fairlead_announcements_total",
					"Addresses told by gratuitous ARP or neighbour advertisement.", METRIC_COUNTER,
					NULL, 0};

static void all_put(void *ctx, struct metrics_page *page)
{
	const struct announce *a = ctx;
	const struct metric_label *labels = METRIC_LABELS({"interface", a->interface});
	size_t conflicts = 0;

	for (size_t i = 0; i < a->book.count; i++)
		conflicts += a->book.items[i].was_taken;
	metrics_put(page, &announced, labels, (double)announce_book_ours(&a->book));
	metrics_put(page, &taken, labels, (double)conflicts);
	metrics_put(page, &told, labels, (double)a->told);
}

void announce_metrics(struct announce *a, struct metrics *m)
{
	if (a != NULL)
		metrics_provider(m, all_put, a);
}
