/*
 * Transactions of elements on a loaded table.
 *
 * All of one goes into one batch. A large one is cut, for the kernel keeps a notification of 4 KiB per element until
 * the commit, and the socket may not take it (a user namespace may not raise its buffer; about 4 000 elements then).
 * The order is one in which every packet finds a right answer at any moment: what is new and nothing points to yet,
 * then replacements, each whole, then what nothing points to any more.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"
#include "nft/table.h"
#include "nft/affinity.h"
#include "nft/repair.h"

void nft_tx_del(struct nft *nft, const struct element *e)
{
	element_list_add(&nft->dels, e);
}

void nft_tx_add(struct nft *nft, const struct element *e)
{
	element_list_add(&nft->adds, e);
}

size_t nft_tx_count(const struct nft *nft)
{
	return nft->dels.count + nft->adds.count + repair_count(nft->repair);
}

/* Asks once whether the kernel knows "delete if it is there" (6.3). Only EINVAL is a no: the table may be gone. */
static void try_destroy(struct nft *nft, const struct element *e)
{
	int error;

	if (nft->destroy_tried)
		return;
	session_begin(&nft->session);
	batch_element(&nft->session.batch, nft->table, BATCH_DESTROY, e, false);
	error = session_try(&nft->session);
	nft->destroy_works = error == 0;
	nft->destroy_tried = error == 0 || error == -EINVAL;
}

#define WHOLE_BYTES (1u << 20) /* about 8 000 elements */

static bool fits(const struct nft *nft)
{
	return nft->session.batch.used <= nft->session.send_max_bytes && nft->session.batch.used <= WHOLE_BYTES;
}

static void tx_put(struct nft *nft, enum batch_op op, const struct element *e)
{
	batch_element(&nft->session.batch, nft->table, op, e, nft->config.counters);
}

/*
 * Remembered clients time out by themselves: one that did must not make the whole transaction fail. What is there may
 * be added again, so a kernel without "delete if it is there" is asked for that before the deletion.
 */
static bool may_be_gone(const struct element *e)
{
	return e->set == SET_AFFINITY;
}

static void put_deletion(struct nft *nft, const struct element *e)
{
	if (may_be_gone(e) && !nft->destroy_works)
		tx_put(nft, BATCH_ADD, e);
	tx_put(nft, may_be_gone(e) && nft->destroy_works ? BATCH_DESTROY : BATCH_DEL, e);
}

/* Of the elements as many as may be sent at once. False: there are more. */
static bool put_all(struct nft *nft)
{
	for (size_t i = 0; i < nft->dels.count && fits(nft); i++)
		put_deletion(nft, &nft->dels.items[i]);
	for (size_t i = 0; i < nft->adds.count && fits(nft); i++)
		tx_put(nft, BATCH_ADD, &nft->adds.items[i]);
	affinity_put_unused(nft);
	return fits(nft);
}

/* ---- in pieces ---- */

/* Later in this order: points at what is earlier. */
static const uint8_t rank[SET_COUNT] = {
	[SET_LOCAL] = 1, [SET_INTERNAL] = 1, [SET_AFFINITY_FRONTENDS] = 1, [SET_SOURCE_RANGES] = 2, [SET_DISPATCH] = 3};

static int compare_additions(const void *a, const void *b)
{
	const struct element *x = a, *y = b;

	return rank[x->set] != rank[y->set] ? rank[x->set] - rank[y->set] : element_compare(x, y);
}

/* Only what the order is for, and neighbours that share messages. */
static int compare_groups(const void *a, const void *b)
{
	const struct element *x = a, *y = b;

	if (rank[x->set] != rank[y->set])
		return rank[x->set] - rank[y->set];
	return x->set != y->set ? x->set - y->set : element_family(x) - element_family(y);
}

static int compare_deletions(const void *a, const void *b)
{
	return compare_additions(b, a);
}

static int compare_keys(const void *key, const void *member)
{
	const struct element *x = key, *y = member;

	return element_same_key(x, y) ? 0 : compare_additions(x, y);
}

/* The addition under the same key as a deletion: together they replace. */
static const struct element *successor(const struct nft *nft, const struct element *del)
{
	return nft->adds.count == 0
		       ? NULL
		       : bsearch(del, nft->adds.items, nft->adds.count, sizeof *nft->adds.items, compare_keys);
}

static int put_new(struct nft *nft, const bool *replaces)
{
	int error = 0;

	for (size_t i = 0; i < nft->adds.count && error == 0; i++)
		if (!replaces[i]) {
			tx_put(nft, BATCH_ADD, &nft->adds.items[i]);
			error = session_piece(&nft->session, false);
		}
	return error == 0 ? session_piece(&nft->session, true) : error;
}

/* Replacements in the order of additions: what is pointed at changes before what points. */
static int put_replaced(struct nft *nft, const bool *replaces, const size_t *predecessor)
{
	int error = 0;

	for (size_t i = 0; i < nft->adds.count && error == 0; i++)
		if (replaces[i]) {
			put_deletion(nft, &nft->dels.items[predecessor[i]]);
			tx_put(nft, BATCH_ADD, &nft->adds.items[i]);
			error = session_piece(&nft->session, false);
		}
	return error == 0 ? session_piece(&nft->session, true) : error;
}

static int put_gone(struct nft *nft, const bool *replaced)
{
	int error = 0;

	for (size_t i = 0; i < nft->dels.count && error == 0; i++)
		if (!replaced[i]) {
			put_deletion(nft, &nft->dels.items[i]);
			error = session_piece(&nft->session, false);
		}
	return error;
}

static int commit_in_pieces(struct nft *nft)
{
	bool *replaces = mem_array(nft->adds.count + 1, sizeof *replaces);
	bool *replaced = mem_array(nft->dels.count + 1, sizeof *replaced);
	size_t *predecessor = mem_array(nft->adds.count + 1, sizeof *predecessor);
	int error;

	if (nft->adds.count > 0)
		qsort(nft->adds.items, nft->adds.count, sizeof *nft->adds.items,
		      nft->dels.count > 0 ? compare_additions : compare_groups);
	if (nft->dels.count > 0)
		qsort(nft->dels.items, nft->dels.count, sizeof *nft->dels.items, compare_deletions);
	for (size_t i = 0; i < nft->dels.count; i++) {
		const struct element *add = successor(nft, &nft->dels.items[i]);

		if (add == NULL)
			continue;
		replaced[i] = replaces[add - nft->adds.items] = true;
		predecessor[add - nft->adds.items] = i;
	}
	session_begin(&nft->session);
	error = nft->repair != NULL ? repair_put(nft, nft->repair, true) : 0;
	if (error == 0)
		error = affinity_put_new(nft, nft->table, true);
	if (error == 0) {
		affinity_put_hooks(nft, nft->table, true);
		error = put_new(nft, replaces);
	}
	if (error == 0)
		error = put_replaced(nft, replaces, predecessor);
	if (error == 0)
		error = put_gone(nft, replaced);
	affinity_put_unused(nft);
	if (error == 0)
		error = session_piece(&nft->session, true);
	free(replaces);
	free(replaced);
	free(predecessor);
	return error;
}

/* ---- the whole ---- */

#define PAUSE_FROM 2000 /* elements: what is saved then exceeds what the pause costs by far */

static int tx_commit(struct nft *nft)
{
	const bool large = nft_tx_count(nft) >= PAUSE_FROM;
	int error;

	if (large)
		monitor_pause(nft);
	session_begin(&nft->session);
	if (nft->repair != NULL)
		repair_put(nft, nft->repair, false);
	affinity_put_new(nft, nft->table, false);
	affinity_put_hooks(nft, nft->table, true);
	error = put_all(nft) ? session_commit(&nft->session) : commit_in_pieces(nft);
	if (large)
		monitor_resume(nft);
	return error;
}

int nft_tx_commit(struct nft *nft)
{
	const struct element *client = NULL;
	int error;

	if (nft_tx_count(nft) == 0)
		return 0;
	for (size_t i = 0; i < nft->dels.count; i++) {
		affinity_count(nft, &nft->dels.items[i], -1);
		if (may_be_gone(&nft->dels.items[i]))
			client = &nft->dels.items[i];
	}
	if (client != NULL)
		try_destroy(nft, client);
	for (size_t i = 0; i < nft->adds.count; i++)
		affinity_count(nft, &nft->adds.items[i], +1);
	error = tx_commit(nft);
	affinity_settle(nft, error == 0);
	repair_free(nft->repair);
	nft->repair = NULL;
	element_list_clear(&nft->adds);
	element_list_clear(&nft->dels);
	return error;
}
