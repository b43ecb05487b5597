/*
 * Transactions of elements on a loaded table.
 *
 * All of one goes into one batch. A large one is cut, for the kernel keeps a notification of 4 KiB per element until
 * the commit, and the socket may not take it (a user namespace may not raise its buffer; about 4 000 elements then).
 * The parts are in the order of nft/parts.h.
 */
#include <errno.h>

#include "base/mem.h"
#include "nft/table.h"
#include "nft/affinity.h"
#include "nft/parts.h"
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

/* Of the elements as many as may be sent at once. False: there are more. */
static bool put_all(struct nft *nft)
{
	for (size_t i = 0; i < nft->dels.count && fits(nft); i++)
		parts_put_deletion(nft, &nft->dels.items[i]);
	for (size_t i = 0; i < nft->adds.count && fits(nft); i++)
		parts_put_addition(nft, &nft->adds.items[i]);
	affinity_put_unused(nft);
	return fits(nft);
}

static int commit_in_pieces(struct nft *nft)
{
	struct nft_parts *parts = nft_tx_take(nft, NFT_RANGES_TOGETHER);
	int error;

	session_begin(&nft->session);
	error = nft->repair != NULL ? repair_put(nft, nft->repair, true) : 0;
	if (error == 0)
		error = affinity_put_new(nft, nft->table, true);
	if (error == 0) {
		affinity_put_hooks(nft, nft->table, true);
		error = parts_send(nft, parts, SIZE_MAX);
	}
	affinity_put_unused(nft);
	if (error == 0)
		error = session_piece(&nft->session, true);
	nft_parts_free(parts);
	return error;
}

/* ---- the whole ---- */

static int tx_commit(struct nft *nft)
{
	const bool large = nft_tx_count(nft) >= MONITOR_PAUSE_FROM;
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
		if (parts_may_be_gone(&nft->dels.items[i]))
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
