/* Keeps the state of each announced address. */
#include "daemon/announce_book.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

static int compare_addr(const void *key, const void *item)
{
	return addr_compare(key, item);
}

static int compare_announced(const void *key, const void *item)
{
	return addr_compare(key, &((const struct announced *)item)->addr);
}

const struct announced *announce_book_find(const struct announce_book *b, const struct addr *addr)
{
	return b->count == 0 ? NULL : bsearch(addr, b->items, b->count, sizeof *b->items, compare_announced);
}

void announced_ours(struct announced *a, uint64_t now_ms)
{
	a->state = ANNOUNCED_OURS;
	a->left = ANNOUNCE_TIMES;
	a->due_ms = now_ms + ANNOUNCE_START_MS;
}

void announce_book_set(struct announce_book *b, const struct addr *wanted, size_t count, const struct addr *present,
		       size_t present_count, uint64_t now_ms)
{
	struct announced *items = count > 0 ? mem_array(count, sizeof *items) : NULL;

	for (size_t i = 0; i < count; i++) {
		const struct announced *before = announce_book_find(b, &wanted[i]);
		items[i] = before != NULL ? *before : (struct announced){.addr = wanted[i], .due_ms = now_ms};
		if (before == NULL && present_count > 0 &&
		    bsearch(&wanted[i], present, present_count, sizeof *present, compare_addr) != NULL)
			announced_ours(&items[i], now_ms);
	}
	free(b->items);
	b->items = items;
	b->count = count;
}

void announce_book_again(struct announce_book *b, uint64_t now_ms)
{
	for (size_t i = 0; i < b->count; i++)
		if (b->items[i].state == ANNOUNCED_OURS)
			announced_ours(&b->items[i], now_ms);
}

struct announced *announce_book_due(const struct announce_book *b, uint64_t now_ms, uint64_t *wait_ms)
{
	*wait_ms = ANNOUNCE_IDLE;
	for (size_t i = 0; i < b->count; i++) {
		struct announced *a = &b->items[i];
		if (a->due_ms <= now_ms)
			return a;
		if (a->due_ms != ANNOUNCE_IDLE && a->due_ms - now_ms < *wait_ms)
			*wait_ms = a->due_ms - now_ms;
	}
	return NULL;
}

bool announce_book_settled(const struct announce_book *b)
{
	for (size_t i = 0; i < b->count; i++)
		if (b->items[i].state != ANNOUNCED_OURS && !b->items[i].was_taken)
			return false;
	return true;
}

size_t announce_book_ours(const struct announce_book *b)
{
	size_t ours = 0;

	for (size_t i = 0; i < b->count; i++)
		ours += b->items[i].state == ANNOUNCED_OURS;
	return ours;
}

void announce_book_fini(struct announce_book *b)
{
	free(b->items);
	*b = (struct announce_book){0};
}

void announced_wait(struct announced *a, uint64_t now_ms)
{
	a->due_ms = now_ms + ANNOUNCE_WAIT_MS;
}

void announced_ask(struct announced *a, uint64_t now_ms)
{
	a->state = ANNOUNCED_ASKED;
	a->asked_until_ms = now_ms + ANNOUNCE_ASK_MS + hash_key(&a->addr, sizeof a->addr) % ANNOUNCE_SPREAD_MS;
	a->due_ms = now_ms + ANNOUNCE_LOOK_MS;
}

bool announced_silent(struct announced *a, uint64_t now_ms)
{
	if (now_ms < a->asked_until_ms) {
		a->due_ms = now_ms + ANNOUNCE_LOOK_MS;
		return false;
	}
	announced_ours(a, now_ms);
	return true;
}

bool announced_taken(struct announced *a, const uint8_t mac[6], uint64_t now_ms)
{
	const bool known = a->was_taken && memcmp(a->mac, mac, sizeof a->mac) == 0;

	a->state = ANNOUNCED_TAKEN;
	a->was_taken = true;
	memcpy(a->mac, mac, sizeof a->mac);
	a->due_ms = now_ms + ANNOUNCE_AGAIN_MS;
	return !known;
}

void announced_told(struct announced *a, uint64_t now_ms)
{
	a->left--;
	a->due_ms = a->left > 0 ? now_ms + ANNOUNCE_GAP_MS : ANNOUNCE_IDLE;
}
