/* Transactions that are sent in parts, and the order of their elements. */
#include "nft/parts.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "nft/affinity.h"

#define RANGES_SLOW_NS 20000000u /* of a piece with source ranges, and of all of a part */
#define RANGES_PIECE_MIN 128u	 /* fewer cost more than they save */
#define RANGES_PIECE_MAX 1024u

enum phase { PHASE_NEW, PHASE_REPLACED, PHASE_GONE, PHASE_DONE };

struct nft_parts {
	struct element_list adds, dels; /* by rank, of dels the highest first; then in the order of elements */
	bool *replaces, *replaced;	/* of adds: there is a deletion under the same key; of dels: there is an add */
	size_t *predecessor;		/* of an add that replaces: the deletion */
	enum phase phase;
	size_t at; /* in the list of the phase */
	bool begun;
};

/* ---- one element ---- */

void parts_put_addition(struct nft *nft, const struct element *e)
{
	batch_element(&nft->session.batch, nft->table, BATCH_ADD, e, nft->config.counters);
}

/* What is there may be added again, so a kernel without "delete if it is there" is asked for that before. */
void parts_put_deletion(struct nft *nft, const struct element *e)
{
	const bool destroy = parts_may_be_gone(e) && nft->destroy_works;

	if (parts_may_be_gone(e) && !destroy)
		parts_put_addition(nft, e);
	batch_element(&nft->session.batch, nft->table, destroy ? BATCH_DESTROY : BATCH_DEL, e, nft->config.counters);
}

/* ---- the order ---- */

#define RANK_MAX 3
/* Later in this order: points at what is earlier. */
static const uint8_t rank[SET_COUNT] = {
	[SET_LOCAL] = 1, [SET_INTERNAL] = 1, [SET_AFFINITY_FRONTENDS] = 1, [SET_SOURCE_RANGES] = 2, [SET_DISPATCH] = 3};

static int compare_keys(const void *key, const void *member)
{
	const struct element *x = key, *y = member;

	if (rank[x->set] != rank[y->set])
		return rank[x->set] - rank[y->set];
	return element_same_key(x, y) ? 0 : element_compare(x, y);
}

/*
 * In the order of elements also when they are deleted: the kernel finds the first of a set of ranges at once, and goes
 * through all of it for the last (30 times slower with 2 000).
 */
static void sort(struct element_list *l, bool highest_first)
{
	uint8_t group[SET_COUNT * 2];
	uint32_t starts[SET_COUNT * 2 + 1];

	for (size_t i = 0; i < SET_COUNT * 2; i++)
		group[i] = highest_first ? (uint8_t)(RANK_MAX - rank[i / 2]) : rank[i / 2];
	element_list_sort(l);
	element_list_group(l, group, starts);
}

/* The addition under the same key as a deletion: together they replace. */
static void pair(struct nft_parts *p)
{
	const struct element_list *adds = &p->adds, *dels = &p->dels;

	for (size_t i = 0; i < dels->count && adds->count != 0; i++) {
		const struct element *add =
			bsearch(&dels->items[i], adds->items, adds->count, sizeof *adds->items, compare_keys);
		if (add == NULL)
			continue;
		p->replaced[i] = p->replaces[add - adds->items] = true;
		p->predecessor[add - adds->items] = i;
	}
}

struct nft_parts *nft_tx_take(struct nft *nft)
{
	struct nft_parts *p = mem_alloc(sizeof *p);

	p->adds = nft->adds;
	p->dels = nft->dels;
	nft->adds = nft->dels = (struct element_list){0};
	p->replaces = mem_array(p->adds.count + 1, sizeof *p->replaces);
	p->replaced = mem_array(p->dels.count + 1, sizeof *p->replaced);
	p->predecessor = mem_array(p->adds.count + 1, sizeof *p->predecessor);
	sort(&p->adds, false);
	sort(&p->dels, true);
	pair(p);
	return p;
}

void nft_parts_free(struct nft_parts *p)
{
	if (p == NULL)
		return;
	element_list_fini(&p->adds);
	element_list_fini(&p->dels);
	free(p->replaces);
	free(p->replaced);
	free(p->predecessor);
	free(p);
}

size_t nft_parts_count(const struct nft_parts *p)
{
	return p->adds.count + p->dels.count;
}

/* ---- sending ---- */

/* Moves p->at to the next element of the phase. False: there is none left. */
static bool find_next(struct nft_parts *p)
{
	const bool gone = p->phase == PHASE_GONE, wanted = p->phase == PHASE_REPLACED;
	const bool *marks = gone ? p->replaced : p->replaces;
	const size_t count = gone ? p->dels.count : p->adds.count;

	while (p->at < count && marks[p->at] != wanted)
		p->at++;
	return p->at < count;
}

static const struct element *put_next(struct nft *nft, struct nft_parts *p)
{
	const size_t at = p->at++;

	if (p->phase == PHASE_GONE) {
		parts_put_deletion(nft, &p->dels.items[at]);
		return &p->dels.items[at];
	}
	if (p->phase == PHASE_REPLACED)
		parts_put_deletion(nft, &p->dels.items[p->predecessor[at]]);
	parts_put_addition(nft, &p->adds.items[at]);
	return &p->adds.items[at];
}

/* Commits a piece with source ranges; how many the next one has depends on how long it took. */
static int ranges_commit(struct nft *nft, uint64_t *took_ns)
{
	const uint64_t start_ns = clock_ns();
	const int error = session_piece(&nft->session, true);
	const uint64_t took = clock_ns() - start_ns;

	if (took > RANGES_SLOW_NS && nft->range_piece > RANGES_PIECE_MIN)
		nft->range_piece /= 2;
	else if (took < RANGES_SLOW_NS / 4 && nft->range_piece < RANGES_PIECE_MAX)
		nft->range_piece *= 2;
	*took_ns += took;
	return error;
}

/*
 * The kernel copies the set of source ranges for every transaction and searches it for every range: what they cost
 * grows with the set, so that they are measured.
 */
int parts_send(struct nft *nft, struct nft_parts *p, size_t most)
{
	uint64_t ranges_ns = 0;
	uint32_t ranges = 0;
	int error = 0;

	if (nft->range_piece == 0)
		nft->range_piece = RANGES_PIECE_MIN;
	for (size_t sent = 0; error == 0 && sent < most && p->phase != PHASE_DONE && ranges_ns < RANGES_SLOW_NS;) {
		if (!find_next(p)) {
			p->phase++;
			p->at = 0;
			error = session_piece(&nft->session, true);
			continue;
		}
		ranges += put_next(nft, p)->set == SET_ALLOWED_SOURCES;
		sent++;
		if (most == SIZE_MAX || ranges < nft->range_piece) {
			error = session_piece(&nft->session, false);
		} else {
			error = ranges_commit(nft, &ranges_ns);
			ranges = 0;
		}
	}
	return error == 0 ? session_piece(&nft->session, true) : error;
}

static void count_clients(struct nft *nft, const struct element_list *l, int by)
{
	for (size_t i = 0; i < l->count; i++)
		affinity_count(nft, &l->items[i], by);
}

/* The chains for affinity are there from before the first part until after the last one. */
int nft_parts_commit(struct nft *nft, struct nft_parts *p, size_t most)
{
	int error = 0;

	monitor_pause(nft);
	session_begin(&nft->session);
	if (!p->begun) {
		count_clients(nft, &p->adds, +1);
		error = affinity_put_new(nft, nft->table, true);
		affinity_put_hooks(nft, nft->table, true);
		p->begun = true;
	}
	if (error == 0)
		error = parts_send(nft, p, most);
	if (error == 0 && p->phase == PHASE_DONE) {
		count_clients(nft, &p->dels, -1);
		affinity_put_unused(nft);
		error = session_piece(&nft->session, true);
	}
	affinity_settle(nft, error == 0);
	monitor_resume(nft);
	return error == 0 ? p->phase != PHASE_DONE : error;
}
