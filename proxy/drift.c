#include "proxy/drift.h"

#include <errno.h>
#include <sys/socket.h>

#define PAUSE_FIRST_MS 50u
#define SLOTS_MAX 20000u /* dumping a map costs the square of its size */
#define QUIET_MS 10000u	 /* a foreign change after this long a time is repaired at once again */

void drift_fini(struct drift *d)
{
	touched_fini(&d->touched);
	element_list_fini(&d->have);
	element_list_fini(&d->want);
}

/* ---- when ---- */

void drift_notice(struct drift *d, uint64_t now_ms)
{
	bool again = d->repaired_ms != 0 && now_ms - d->repaired_ms < QUIET_MS;

	if (d->waits)
		return;
	d->waits = true;
	if (!again) {
		d->pause_ms = 0;
		d->slow_told = false;
	} else if (d->pause_ms == 0) {
		d->pause_ms = PAUSE_FIRST_MS;
	} else {
		d->pause_ms = d->pause_ms * 2 < DRIFT_PAUSE_LAST_MS ? d->pause_ms * 2 : DRIFT_PAUSE_LAST_MS;
	}
	d->due_ms = now_ms + d->pause_ms;
}

static bool only_keys(const struct touched *t)
{
	return !t->everything && !t->rules && t->whole == 0;
}

uint64_t drift_wait(const struct drift *d, uint64_t earliest_ms, uint64_t now_ms, bool own_changes)
{
	uint64_t due_ms = earliest_ms;

	if (d->waits && d->due_ms > due_ms && !(own_changes && only_keys(&d->touched)))
		due_ms = d->due_ms;
	return due_ms > now_ms ? due_ms - now_ms : 0;
}

/*
 * One big foreign change is told in many messages, and the last of them may come after the repair: only a second one
 * that needs repair means that somebody keeps changing.
 */
bool drift_repaired(struct drift *d, uint64_t now_ms, size_t operations)
{
	touched_clear(&d->touched);
	element_list_clear(&d->have);
	element_list_clear(&d->want);
	d->waits = false;
	d->repaired_ms = now_ms;
	if (operations == 0 || d->pause_ms == 0 || d->slow_told)
		return false;
	d->slow_told = true;
	return true;
}

/* ---- what ---- */

static void on_candidate(void *ctx, const struct element *e)
{
	struct drift *d = ctx;

	if (touched_has(&d->touched, e))
		element_list_add(&d->have, e);
}

static int read_key(struct drift *d, struct nft *nft, const struct element *key)
{
	struct element e = *key;
	int error = nft_get(nft, &e);

	if (error == 0)
		element_list_add(&d->have, &e);
	return error == -ENOENT ? 0 : error;
}

static bool has_set(const struct touched *t, enum set_id set)
{
	if (touched_whole(t, set, AF_INET) || touched_whole(t, set, AF_INET6))
		return true;
	for (size_t i = 0; i < t->keys.count; i++)
		if (t->keys.items[i].set == set)
			return true;
	return false;
}

/* The kernel does not look ranges up by key. */
static bool read_by_set(const struct touched *t, enum set_id set, int family)
{
	return touched_whole(t, set, family) || (set == SET_ALLOWED_SOURCES && has_set(t, set));
}

/* A map that is still large is read along the verdicts (nft/dump_by_key.h), hence with the rest of the table. */
static int read_set(struct drift *d, struct nft *nft, enum set_id set, int family)
{
	uint32_t count = 0;

	if ((set == SET_ENDPOINTS || set == SET_INTERNAL_ENDPOINTS) && nft_count(nft, set, family, &count) == 0 &&
	    count > SLOTS_MAX)
		return -E2BIG;
	return nft_dump_family(nft, set, family, on_candidate, d);
}

int drift_read(struct drift *d, struct nft *nft)
{
	static const int families[] = {AF_INET, AF_INET6};
	const struct touched *t = &d->touched;
	int error = 0;

	d->mended = 0;
	if (t->rules)
		error = nft_mend_rules(nft, &d->mended);
	touched_sort(&d->touched);
	element_list_clear(&d->have);
	for (int set = 0; set < SET_COUNT && error == 0; set++)
		for (int f = 0; f < 2 && error == 0; f++)
			if (read_by_set(t, (enum set_id)set, families[f]))
				error = read_set(d, nft, (enum set_id)set, families[f]);
	for (size_t i = 0; i < t->keys.count && error == 0; i++)
		if (t->keys.items[i].set != SET_ALLOWED_SOURCES)
			error = read_key(d, nft, &t->keys.items[i]);
	if (error == 0 && has_set(t, SET_STICKY))
		error = nft_recount(nft);
	return error;
}

static void keep_touched(struct drift *d, const struct element_list *from)
{
	for (size_t i = 0; i < from->count; i++)
		if (touched_has(&d->touched, &from->items[i]))
			element_list_add(&d->want, &from->items[i]);
}

void drift_keep(const struct drift *d, struct element_list *l, size_t from)
{
	size_t kept = from;

	for (size_t i = from; i < l->count; i++)
		if (touched_has(&d->touched, &l->items[i]))
			l->items[kept++] = l->items[i];
	l->count = kept;
}

static struct frontend_key frontend_of(const struct element *e)
{
	if (e->set == SET_CLUSTER_IPS)
		return owners_ip_key(&e->daddr);
	return (struct frontend_key){.addr = e->daddr, .proto = e->proto, .port = e->port};
}

static bool same_frontend(const struct element *a, const struct element *b)
{
	return (a->set == SET_CLUSTER_IPS) == (b->set == SET_CLUSTER_IPS) && addr_equal(&a->daddr, &b->daddr) &&
	       a->proto == b->proto && a->port == b->port;
}

bool drift_wants_everything(const struct drift *d)
{
	for (int set = 0; set < SET_COUNT; set++)
		if (set != SET_SERVICE_CIDRS && (touched_whole(&d->touched, (enum set_id)set, AF_INET) ||
						 touched_whole(&d->touched, (enum set_id)set, AF_INET6)))
			return true;
	return false;
}

/* Sorted keys: the slots of a frontend are neighbours. Its keys in another set are found again by touched_has, so only
 * those of the set at hand are taken. */
void drift_want(struct drift *d, const struct owners *owners, const struct element_list *ranges)
{
	const struct touched *t = &d->touched;
	struct element_list all = {0};

	element_list_clear(&d->want);
	keep_touched(d, ranges);
	for (size_t i = 0; i < t->keys.count; i++) {
		const struct element *key = &t->keys.items[i];
		const struct frontend_key frontend = frontend_of(key);
		const struct service *owner = owners_find(owners, &frontend);

		if (owner == NULL || (i > 0 && key->set == key[-1].set && same_frontend(key, &key[-1])))
			continue;
		element_list_clear(&all);
		elements_collect_key(&all, owner, &frontend);
		for (size_t e = 0; e < all.count; e++)
			if (all.items[e].set == key->set && touched_has(t, &all.items[e]))
				element_list_add(&d->want, &all.items[e]);
	}
	element_list_fini(&all);
}

struct rest {
	const struct drift *drift;
	const struct element_ops *ops;
	size_t operations;
};

static void rest_del(void *ctx, const struct element *e)
{
	struct rest *r = ctx;

	if (touched_has(&r->drift->touched, e))
		return;
	r->ops->del(r->ops->ctx, e);
	r->operations++;
}

static void rest_add(void *ctx, const struct element *e)
{
	struct rest *r = ctx;

	if (touched_has(&r->drift->touched, e))
		return;
	r->ops->add(r->ops->ctx, e);
	r->operations++;
}

static bool rest_count(void *ctx, struct element *e)
{
	const struct rest *r = ctx;

	return r->ops->count != NULL && r->ops->count(r->ops->ctx, e);
}

size_t drift_flush(struct drift *d, struct changes *changes, const struct element_ops *ops, size_t *operations)
{
	struct rest rest = {.drift = d, .ops = ops};
	const struct element_ops filter = {.ctx = &rest, .del = rest_del, .add = rest_add, .count = rest_count};
	size_t repairs;

	changes_flush(changes, &filter);
	repairs = elements_reconcile(&d->want, &d->have, ops) + d->mended;
	*operations = rest.operations + repairs;
	return repairs;
}
