/* Transactions that are sent in parts, and the order of their elements. */
#include "nft/parts.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "nft/affinity.h"
#include "nft/codec.h"

#define PART_NS 10000000u /* of CPU time: a part ends with the transaction that takes it beyond this */
/*
 * Source ranges. To delete one the kernel walks those that were added before it, 1 us each: 0.35 ms among 4 000 in the
 * order of additions, 8 ms for the last of 8 000.
 */
#define RANGES_PIECE_MIN 1u
#define RANGES_PIECE_MAX 1024u
#define ROOM_BYTES (2 * CODEC_ELEMENT_MAX_BYTES) /* for one more element, in a list of its own */

enum phase { PHASE_ROOM, PHASE_NEW, PHASE_REPLACED, PHASE_GONE, PHASE_DONE };

struct nft_parts {
	struct element_list adds, dels; /* by rank, of dels the highest first; then in the order of elements */
	uint8_t *add_phase, *del_phase; /* enum phase, in which each is sent */
	size_t *first, *count; /* of adds that replace: the deletions; none: it goes with the addition before it */
	enum phase phase;
	size_t at;	     /* in the list of the phase */
	size_t sent, ranges; /* of this part; since the last piece with source ranges */
	size_t ranges_piece; /* source ranges that are sent at once: what one costs depends on the phase and the set */
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

static bool is_range(const struct element *e)
{
	return e->set == SET_ALLOWED_SOURCES || e->set == SET_SERVICE_CIDRS;
}

/* The addition under the same key as a deletion: together they replace. */
static void pair(struct nft_parts *p)
{
	const struct element_list *adds = &p->adds, *dels = &p->dels;

	for (size_t i = 0; i < dels->count && adds->count != 0; i++) {
		const struct element *add =
			bsearch(&dels->items[i], adds->items, adds->count, sizeof *adds->items, compare_keys);
		if (add == NULL || is_range(add))
			continue;
		p->del_phase[i] = p->add_phase[add - adds->items] = PHASE_REPLACED;
		p->first[add - adds->items] = i;
		p->count[add - adds->items] = 1;
	}
}

static void next_range(const struct element_list *l, size_t *at)
{
	while (*at < l->count && !is_range(&l->items[*at]))
		++*at;
}

/* Past the ranges that lie in that of `top`, of the same set and frontend. */
static void pass_within(const struct element_list *l, size_t *at, const struct element *top)
{
	for (; *at < l->count; ++*at) {
		const struct element *e = &l->items[*at];
		if (e->set != top->set || !addr_equal(&e->daddr, &top->daddr) || e->proto != top->proto ||
		    e->port != top->port || !cidr_contains(&top->range, &e->range.addr))
			return;
	}
}

/*
 * A range is (part of) the key, and the kernel refuses to add one that overlaps another: a wide one and the narrow ones
 * in it replace each other, all deletions before all additions: in one transaction, or, when they are many, the
 * deletions first of all. In both lists ranges are in the order of elements, a wide one before those that lie in it.
 */
static void pair_ranges(struct nft_parts *p, size_t together)
{
	const struct element_list *adds = &p->adds, *dels = &p->dels;

	for (size_t add = 0, del = 0;;) {
		next_range(adds, &add);
		next_range(dels, &del);
		if (add == adds->count || del == dels->count)
			return;
		const size_t first_add = add, first_del = del;
		const bool add_first = element_compare(&adds->items[add], &dels->items[del]) < 0;
		const struct element *top = add_first ? &adds->items[add] : &dels->items[del];
		pass_within(adds, &add, top);
		pass_within(dels, &del, top);
		if (add == first_add || del == first_del)
			continue;
		const bool whole = add - first_add + del - first_del <= together;
		p->first[first_add] = first_del;
		p->count[first_add] = del - first_del;
		memset(p->add_phase + first_add, whole ? PHASE_REPLACED : PHASE_NEW, add - first_add);
		memset(p->del_phase + first_del, whole ? PHASE_REPLACED : PHASE_ROOM, del - first_del);
	}
}

struct nft_parts *nft_tx_take(struct nft *nft, size_t together)
{
	struct nft_parts *p = mem_alloc(sizeof *p);

	p->adds = nft->adds;
	p->dels = nft->dels;
	nft->adds = nft->dels = (struct element_list){0};
	p->add_phase = mem_array(p->adds.count + 1, 1);
	p->del_phase = mem_array(p->dels.count + 1, 1);
	memset(p->add_phase, PHASE_NEW, p->adds.count);
	memset(p->del_phase, PHASE_GONE, p->dels.count);
	p->ranges_piece = RANGES_PIECE_MIN;
	p->first = mem_array(p->adds.count + 1, sizeof *p->first);
	p->count = mem_array(p->adds.count + 1, sizeof *p->count);
	sort(&p->adds, false);
	sort(&p->dels, true);
	pair(p);
	pair_ranges(p, together);
	return p;
}

void nft_parts_free(struct nft_parts *p)
{
	if (p == NULL)
		return;
	element_list_fini(&p->adds);
	element_list_fini(&p->dels);
	free(p->add_phase);
	free(p->del_phase);
	free(p->first);
	free(p->count);
	free(p);
}

/* ---- sending ---- */

static bool deletes(const struct nft_parts *p)
{
	return p->phase == PHASE_ROOM || p->phase == PHASE_GONE;
}

/* Moves p->at to the next element of the phase. False: there is none left. */
static bool find_next(struct nft_parts *p)
{
	const uint8_t *phases = deletes(p) ? p->del_phase : p->add_phase;
	const size_t count = deletes(p) ? p->dels.count : p->adds.count;

	while (p->at < count && phases[p->at] != p->phase)
		p->at++;
	return p->at < count;
}

static void put(struct nft *nft, struct nft_parts *p, const struct element *e, bool add)
{
	(add ? parts_put_addition : parts_put_deletion)(nft, e);
	p->sent++;
	p->ranges += e->set == SET_ALLOWED_SOURCES;
}

/* A replacement is one piece, unless the socket does not take it. */
static int make_room(struct nft *nft)
{
	const bool full = nft->session.batch.used + ROOM_BYTES > nft->session.send_max_bytes;

	return full ? session_piece(&nft->session, true) : 0;
}

/* Deletions, then the additions in their place. */
static int put_replacement(struct nft *nft, struct nft_parts *p)
{
	const size_t first = p->first[p->at], end = first + p->count[p->at];
	int error = 0;

	for (size_t i = first; error == 0 && i < end; i++) {
		put(nft, p, &p->dels.items[i], false);
		error = make_room(nft);
	}
	do {
		put(nft, p, &p->adds.items[p->at++], true);
		error = error == 0 ? make_room(nft) : error;
	} while (error == 0 && p->at < p->adds.count && p->add_phase[p->at] == PHASE_REPLACED && p->count[p->at] == 0);
	return error;
}

static int phase_end(struct nft *nft, struct nft_parts *p)
{
	p->phase++;
	p->at = 0;
	p->ranges_piece = RANGES_PIECE_MIN;
	return session_piece(&nft->session, true);
}

static int put_next(struct nft *nft, struct nft_parts *p)
{
	if (!find_next(p))
		return phase_end(nft, p);
	if (p->phase == PHASE_REPLACED)
		return put_replacement(nft, p);
	put(nft, p, deletes(p) ? &p->dels.items[p->at] : &p->adds.items[p->at], !deletes(p));
	p->at++;
	return 0;
}

/* Commits a piece with source ranges; how many the next one has depends on how long it took. */
static int ranges_commit(struct nft *nft, struct nft_parts *p)
{
	const uint64_t start_ns = clock_cpu_ns();
	const int error = session_piece(&nft->session, true);
	const uint64_t took_ns = clock_cpu_ns() - start_ns;

	if (took_ns > PART_NS && p->ranges_piece > RANGES_PIECE_MIN)
		p->ranges_piece /= 2;
	else if (took_ns < PART_NS / 4 && p->ranges_piece < RANGES_PIECE_MAX)
		p->ranges_piece *= 2;
	p->ranges = 0;
	return error;
}

/*
 * What an element costs grows with its set, so that it is measured. The kernel searches all source ranges for each that
 * comes or goes. A transaction with a verdict makes it check the rules anew, and walk each map of verdicts for each
 * rule that reads it: nft_lookup_validate, 0.1 us an element.
 */
int parts_send(struct nft *nft, struct nft_parts *p, size_t most)
{
	const bool whole = most == SIZE_MAX;
	const uint64_t start_ns = clock_cpu_ns();
	bool slow = false;
	int error = 0;

	p->sent = p->ranges = 0;
	while (error == 0 && p->sent < most && p->phase != PHASE_DONE && !slow) {
		error = put_next(nft, p);
		if (error == 0 && !whole && p->ranges >= p->ranges_piece)
			error = ranges_commit(nft, p);
		else if (error == 0)
			error = session_piece(&nft->session, false);
		if (!whole && nft->session.batch.messages == 0) /* they were just sent */
			slow = clock_cpu_ns() - start_ns >= PART_NS;
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
	const bool large = p->adds.count + p->dels.count >= MONITOR_PAUSE_FROM;
	int error = 0;

	if (large)
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
	if (large)
		monitor_resume(nft);
	return error == 0 ? p->phase != PHASE_DONE : error;
}
