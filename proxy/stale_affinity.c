/* Affinity entries that lead to endpoints which their frontend no longer uses. */
#include "proxy/stale_affinity.h"

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

struct look {
	const struct stale_affinity *affinity;
	struct element_list found;
};

static void on_element(void *ctx, const struct element *e)
{
	struct look *look = ctx;
	const struct frontend_key key = frontend_key_of(e);
	bool narrowed = frontend_set_has(&look->affinity->narrowed, &key);

	if (elements_affinity_stale(e, look->affinity->owners, narrowed))
		element_list_add(&look->found, e);
}

/*
 * One transaction per entry would be slow, one for all may fail: before Linux 6.3 when a single entry has come to point
 * elsewhere since it was read. Then they go one by one.
 */
static void delete_all(struct stale_affinity *a, const struct element_list *stale)
{
	for (size_t i = 0; i < stale->count; i++)
		nft_tx_del(a->nft, &stale->items[i]);
	if (nft_tx_commit(a->nft) < 0) {
		for (size_t i = 0; i < stale->count; i++) {
			nft_tx_del(a->nft, &stale->items[i]);
			nft_tx_commit(a->nft);
		}
	}
	a->deleted += stale->count;
}

/* Told once; tried again, ever slower. */
static void look_failed(struct stale_affinity *a, uint64_t now_ms, int error)
{
	a->failures++;
	if (a->retry_ms == 0)
		log_warn("affinity: stale entries could not be removed, trying again: %s", strerror(-error));
	a->retry_ms = a->retry_ms == 0 ? RETRY_FIRST_MS : a->retry_ms * 2;
	if (a->retry_ms > RETRY_LAST_MS)
		a->retry_ms = RETRY_LAST_MS;
	a->look_ms = now_ms + a->retry_ms;
}

/*
 * The packet path writes here meanwhile, and a table that grows hides entries from the reader: what one look finds,
 * the next one must find gone.
 */
static void look_succeeded(struct stale_affinity *a, uint64_t now_ms, uint64_t took_ns, bool found)
{
	a->asked = false;
	a->again = found;
	a->retry_ms = 0;
	a->look_ms = now_ms + 1 + took_ns * LOOK_REST / 1000000;
	a->narrowed_looks = found && a->narrowed_looks != 0 ? a->narrowed_looks - 1 : 0;
	if (a->narrowed_looks == 0)
		frontend_set_fini(&a->narrowed);
}

uint64_t stale_affinity_turn(struct stale_affinity *a, uint64_t now_ms,
			     void (*deleted)(void *ctx, const struct frontend_key *key), void *ctx)
{
	struct look look = {.affinity = a};
	const uint64_t start_ns = clock_ns();

	if (!a->asked && !a->again)
		return UINT64_MAX;
	if (now_ms < a->look_ms)
		return a->look_ms - now_ms;
	int error = nft_dump_set(a->nft, SET_AFFINITY, on_element, &look);
	if (error < 0) {
		look_failed(a, now_ms, error);
	} else {
		look_succeeded(a, now_ms, clock_ns() - start_ns, look.found.count != 0);
		if (look.found.count != 0)
			delete_all(a, &look.found);
		for (size_t i = 0; i < look.found.count; i++) {
			const struct frontend_key key = frontend_key_of(&look.found.items[i]);
			deleted(ctx, &key);
		}
	}
	element_list_fini(&look.found);
	return a->asked || a->again ? a->look_ms - now_ms : UINT64_MAX;
}

void stale_affinity_fini(struct stale_affinity *a)
{
	frontend_set_fini(&a->narrowed);
}
