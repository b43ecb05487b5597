/* Affinity entries that lead to endpoints which their frontend no longer uses. */
#include "proxy/stale_affinity.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "proxy/elements.h"

#define RETRY_FIRST_MS 200u
#define RETRY_LAST_MS 30000u
#define LOOK_REST 10u /* times as long as it took to read the affinity: limits a large one to a tenth of the time */
/* A table that grows hides entries from one look, hardly from two; and what pods do meanwhile must not be undone for
 * ever. */
#define NARROWED_LOOKS 2u
#define SLICE_NS 5000000u /* of the main thread at once */
#define SLICE_PAUSE_MS 1u
#define FOUND_MAX 32768u /* entries that go before the rest is read: 4 MB */
#define DELETE_MAX 4096u /* of them at once */

static bool has_affinity(const struct service *s)
{
	return s != NULL && s->affinity;
}

/*
 * Entries do not tell clients outside from pods, who may use the endpoints of other nodes. So what a frontend that is
 * split now remembers of those goes, whatever the client, also at the start: what the frontend was before is not known.
 * One that prev gives up may pass to a service that splits it.
 */
void stale_affinity_published(struct stale_affinity *a, const struct service *prev, const struct service *next)
{
	if (a->nft == NULL || (!has_affinity(prev) && !has_affinity(next)))
		return;
	a->asked = true;
	a->narrowed_looks = NARROWED_LOOKS;
	if (has_affinity(prev))
		frontend_set_add_gone(&a->narrowed, prev, next);
	if (has_affinity(next))
		frontend_set_add_narrowed(&a->narrowed, prev, next);
}

void stale_affinity_ask(struct stale_affinity *a)
{
	a->asked = a->nft != NULL;
}

static void on_element(void *ctx, const struct element *e)
{
	struct stale_affinity *a = ctx;
	const struct frontend_key key = frontend_key_of(e);
	bool narrowed = frontend_set_has(&a->narrowed, &key);

	if (elements_affinity_stale(e, a->owners, narrowed))
		element_list_add(&a->found, e);
}

/* 1: not all is read yet; 0: it is; -errno. */
static int look_go_on(struct stale_affinity *a)
{
	const uint64_t start_ns = clock_ns();
	int more = 1;

	if (!a->looking) {
		more = nft_walk_begin(a->nft) == 0 ? 1 : -EIO;
		a->looking = more > 0;
		a->asked = false; /* from now on: a change behind what is read */
		a->took_ns = 0;
	}
	while (more > 0 && a->found.count < FOUND_MAX && clock_ns() - start_ns < SLICE_NS)
		more = nft_walk_step(a->nft, on_element, a);
	a->took_ns += clock_ns() - start_ns;
	return more;
}

/*
 * In one transaction, which may fail for a single entry: before Linux 6.3 when that has come to point elsewhere since
 * it was read. Then in halves.
 */
static void delete_some(struct stale_affinity *a, const struct element *items, size_t count)
{
	for (size_t i = 0; i < count; i++)
		nft_tx_del(a->nft, &items[i]);
	if (nft_tx_commit(a->nft) >= 0 || count == 1)
		return;
	delete_some(a, items, count / 2);
	delete_some(a, items + count / 2, count - count / 2);
}

static void delete_more(struct stale_affinity *a, void (*deleted)(void *ctx, const struct frontend_key *key), void *ctx)
{
	const size_t rest = a->found.count - a->gone, count = rest < DELETE_MAX ? rest : DELETE_MAX;
	const struct element *items = a->found.items + a->gone;

	if (count != 0)
		delete_some(a, items, count);
	a->deleted += count;
	for (size_t i = 0; i < count; i++) {
		const struct frontend_key key = frontend_key_of(&items[i]);
		deleted(ctx, &key);
	}
	a->gone += count;
	a->deleting = a->gone < a->found.count;
	if (!a->deleting)
		element_list_fini(&a->found);
}

/* Told once; tried again, ever slower. */
static void look_failed(struct stale_affinity *a, uint64_t now_ms)
{
	a->failures++;
	a->asked = true;
	if (a->retry_ms == 0)
		log_warn("affinity: stale entries could not be removed, trying again: %s", nft_error(a->nft));
	a->retry_ms = a->retry_ms == 0 ? RETRY_FIRST_MS : a->retry_ms * 2;
	if (a->retry_ms > RETRY_LAST_MS)
		a->retry_ms = RETRY_LAST_MS;
	a->look_ms = now_ms + a->retry_ms;
}

/*
 * The packet path writes here meanwhile, and a table that grows hides entries from the reader: what one look finds,
 * the next one must find gone.
 */
static void look_succeeded(struct stale_affinity *a, uint64_t now_ms)
{
	const bool found = a->found.count != 0;

	a->again = found;
	a->retry_ms = 0;
	a->look_ms = now_ms + 1 + a->took_ns * LOOK_REST / 1000000;
	if (a->asked)
		return;
	a->narrowed_looks = found && a->narrowed_looks != 0 ? a->narrowed_looks - 1 : 0;
	if (a->narrowed_looks == 0)
		frontend_set_fini(&a->narrowed);
}

/* The rest is read anew: to go on would cost more, as the kernel goes through what was read each time. */
static void look_found_many(struct stale_affinity *a, uint64_t now_ms)
{
	a->asked = true;
	a->look_ms = now_ms;
}

static uint64_t next_ms(const struct stale_affinity *a, uint64_t now_ms)
{
	if (a->deleting || a->looking)
		return SLICE_PAUSE_MS;
	if (!a->asked && !a->again)
		return UINT64_MAX;
	return a->look_ms > now_ms ? a->look_ms - now_ms : SLICE_PAUSE_MS;
}

/* True: it has ended, with more or less to delete. */
static bool look(struct stale_affinity *a, uint64_t now_ms)
{
	int more = look_go_on(a);

	if (more > 0 && a->found.count < FOUND_MAX)
		return false;
	a->looking = false;
	nft_walk_end(a->nft);
	if (more < 0)
		look_failed(a, now_ms);
	else if (more > 0)
		look_found_many(a, now_ms);
	else
		look_succeeded(a, now_ms);
	element_list_sort(&a->found);
	element_list_unique(&a->found);
	a->gone = 0;
	return true;
}

uint64_t stale_affinity_turn(struct stale_affinity *a, uint64_t now_ms,
			     void (*deleted)(void *ctx, const struct frontend_key *key), void *ctx)
{
	const bool due = a->looking || ((a->asked || a->again) && now_ms >= a->look_ms);

	if (a->deleting || (due && look(a, now_ms)))
		delete_more(a, deleted, ctx);
	return next_ms(a, now_ms);
}

bool stale_affinity_is_due(const struct stale_affinity *a)
{
	return a->asked || a->looking || a->deleting;
}

void stale_affinity_fini(struct stale_affinity *a)
{
	if (a->looking)
		nft_walk_end(a->nft);
	element_list_fini(&a->found);
	frontend_set_fini(&a->narrowed);
}
