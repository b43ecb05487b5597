/* What the log says of announced addresses. */
#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "daemon/announce_private.h"
#include "netlink/neighbour_question.h"

#define LINES_MAX 20 /* of one look; then only their number */
#define LISTED_MAX 8 /* addresses in one line */

void announce_log_interface(const struct announce *a, const char *waiting_before)
{
	if (a->waiting != NULL && (waiting_before == NULL || strcmp(waiting_before, a->waiting) != 0))
		log_warn("announce: %s: %s; waiting for it to change", a->interface, a->waiting);
	else if (a->waiting == NULL && waiting_before != NULL)
		log_notice("announce: %s: here now", a->interface);
}

void announce_log_unable(const struct announce *a, const char *const before[2], bool stayed)
{
	static const char *const families[2] = {"IPv4", "IPv6"};

	for (int i = 0; i < 2; i++)
		if (a->unable[i] != NULL && (before[i] == NULL || strcmp(before[i], a->unable[i]) != 0))
			log_warn("announce: %s: no %s addresses: %s", a->interface, families[i], a->unable[i]);
	if (a->stays && !stayed)
		log_warn("announce: %s: net.ipv4.ip_forward is 0: only endpoints on this machine are reached",
			 a->interface);
}

static bool was_said(const struct announce_wish *before, size_t count, size_t *at, const struct announce_wish *wish)
{
	while (*at < count && addr_compare(&before[*at].addr, &wish->addr) < 0)
		(*at)++;
	return *at < count && addr_equal(&before[*at].addr, &wish->addr) && before[*at].fault == wish->fault;
}

void announce_log_wishes(const struct announce *a, const struct announce_wish *before, size_t count)
{
	char text[ADDR_TEXT_BYTES];
	size_t lines = 0, at = 0;

	for (size_t i = 0; i < a->wish_count; i++) {
		const struct announce_wish *w = &a->wishes[i];
		if (w->fault == ANNOUNCE_FINE || w->fault == ANNOUNCE_UNABLE || was_said(before, count, &at, w))
			continue;
		if (++lines <= LINES_MAX)
			log_info("announce: %s is not announced: %s", addr_format(&w->addr, text),
				 announce_fault_text((enum announce_fault)w->fault));
	}
	if (lines > LINES_MAX)
		log_info("announce: %zu more addresses are not announced", lines - LINES_MAX);
}

void announce_log_ours(struct announce *a)
{
	char text[ADDR_TEXT_BYTES];
	struct buf list = {0};
	uint64_t digest = 0;
	size_t ours = 0;

	if (!announce_book_settled(&a->book))
		return; /* one line for all that came together */
	for (size_t i = 0; i < a->book.count; i++) {
		const struct announced *one = &a->book.items[i];
		if (one->state != ANNOUNCED_OURS)
			continue;
		digest = hash_bytes(&one->addr, sizeof one->addr, digest) | 1;
		if (ours++ < LISTED_MAX)
			buf_printf(&list, "%s%s", ours > 1 ? ", " : "", addr_format(&one->addr, text));
	}
	if (ours > LISTED_MAX)
		buf_printf(&list, " and %zu more", ours - LISTED_MAX);
	if (digest != a->said && ours > 0)
		log_notice("announce: %s: this machine answers for %s", a->interface, list.data);
	else if (digest != a->said)
		log_notice("announce: %s: no addresses any more", a->interface);
	a->said = digest;
	buf_fini(&list);
}

void announce_log_taken(const struct announce *a, const struct announced *one)
{
	char text[ADDR_TEXT_BYTES], mac[MAC_TEXT_BYTES];

	log_warn("announce: %s is not announced: another machine on %s has it (%s); asking again every 10 s",
		 addr_format(&one->addr, text), a->interface, mac_format(one->mac, mac));
}
