/*
 * A kernel and a zone made of memory, in place of nft/ and dns/zone/zone.c: what sync sends, when, and in which order.
 * Refuses what the real kernel refuses. Include after <cmocka.h>, in one file of a test program.
 */
#ifndef TESTS_FAKEKERNEL_H
#define TESTS_FAKEKERNEL_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/map.h"
#include "dns/zone/zone.h"
#include "nft/nft.h"
#include "proxy/elements.h"

/* ---- the fake kernel ---- */

struct nft {
	enum table_state state;
	struct element_list table, del, add;
	int fail;	      /* the next commit or load fails with it */
	uint16_t poison_port; /* an element that sends there is refused, for good; 0: none */
	bool refused_known;
	struct element refused;
	size_t loses;	 /* …and the commit, sent in pieces, breaks off after so many deletions */
	size_t part_max; /* elements of a part at most; 0: as the caller says */
	unsigned dumps;
	uint32_t dumped;	      /* sets of the last dump */
	bool changed;		      /* by another program since the last dump or load */
	size_t wrong_rules;	      /* chains that another program changed */
	size_t found_rules;	      /* of these, what the next transaction repairs */
	bool meanwhile;		      /* another program changes the table during each load */
	struct external_changes told; /* notifications that wait to be read */
};

static struct buf events; /* what happened, in order */
static struct nft kernel;

const char *nft_error(const struct nft *nft)
{
	(void)nft;
	return "the test says no";
}

int nft_table_state(struct nft *nft, enum table_state *state)
{
	*state = nft->state;
	nft->found_rules = nft->wrong_rules;
	return 0;
}

int nft_dump(struct nft *nft, uint32_t sets, nft_each_fn *each, void *ctx)
{
	nft->dumps++;
	nft->dumped = sets;
	nft->changed = false;
	element_list_sort(&nft->table);
	for (size_t i = 0; i < nft->table.count; i++)
		if (sets >> nft->table.items[i].set & 1)
			each(ctx, &nft->table.items[i]);
	return 0;
}

void nft_dump_frontends(struct nft *nft, nft_each_fn *each, void *ctx)
{
	for (size_t i = 0; i < nft->table.count; i++)
		if (nft->table.items[i].set == SET_DISPATCH)
			each(ctx, &nft->table.items[i]);
}

void nft_monitor_retry(struct nft *nft)
{
	(void)nft;
}

void nft_monitor_read(struct nft *nft, struct external_changes *changes)
{
	changes->parts.rules |= nft->told.parts.rules;
	changes->parts.sets |= nft->told.parts.sets;
	changes->open = nft->told.open;
	external_changes_clear(&nft->told);
}

bool nft_refused(const struct nft *nft, struct element *e)
{
	*e = nft->refused;
	return nft->refused_known;
}

static int take_failure(struct nft *nft, const struct element *adds, size_t count)
{
	int error = nft->fail;

	nft->fail = 0;
	nft->refused_known = false;
	for (size_t i = 0; i < count && error == 0; i++)
		if (nft->poison_port != 0 && adds[i].to_port == nft->poison_port) {
			nft->refused = adds[i];
			nft->refused_known = true;
			error = -EINVAL;
		}
	return error;
}

int nft_load(struct nft *nft, const struct element *elements, size_t count)
{
	int error = take_failure(nft, elements, count);

	if (error != 0)
		return error;
	if (nft->meanwhile)
		nft->told.parts = TABLE_PARTS_ALL;
	nft->changed = false;
	element_list_clear(&nft->table);
	for (size_t i = 0; i < count; i++)
		element_list_add(&nft->table, &elements[i]);
	nft->state = TABLE_OURS;
	buf_printf(&events, "load %zu;", count);
	return 0;
}

int nft_get(struct nft *nft, struct element *e)
{
	for (size_t i = 0; i < nft->table.count; i++)
		if (element_same_key(&nft->table.items[i], e)) {
			*e = nft->table.items[i];
			return 0;
		}
	return -ENOENT;
}

void nft_tx_del(struct nft *nft, const struct element *e)
{
	element_list_add(&nft->del, e);
}

void nft_tx_add(struct nft *nft, const struct element *e)
{
	element_list_add(&nft->add, e);
}

size_t nft_tx_count(const struct nft *nft)
{
	return nft->del.count + nft->add.count + nft->found_rules;
}

static size_t find(const struct nft *nft, const struct element *key)
{
	size_t i = 0;

	while (i < nft->table.count && !element_same_key(&nft->table.items[i], key))
		i++;
	return i;
}

static bool deletes(const struct nft *nft, const struct element *key)
{
	for (size_t i = 0; i < nft->del.count; i++)
		if (element_same_key(&nft->del.items[i], key))
			return true;
	return false;
}

/* As the kernel does: deleting what is not there, or adding what is, is refused. Only external changes may lead to it.
 */
static bool fits(const struct nft *nft)
{
	bool ok = true;

	for (size_t i = 0; i < nft->del.count; i++)
		ok &= find(nft, &nft->del.items[i]) < nft->table.count;
	for (size_t i = 0; i < nft->add.count; i++)
		ok &= find(nft, &nft->add.items[i]) == nft->table.count || deletes(nft, &nft->add.items[i]);
	assert_true(ok || nft->changed);
	return ok;
}

static void apply(struct nft *nft)
{
	for (size_t i = 0; i < nft->del.count; i++)
		nft->table.items[find(nft, &nft->del.items[i])] = nft->table.items[--nft->table.count];
	for (size_t i = 0; i < nft->add.count; i++)
		element_list_add(&nft->table, &nft->add.items[i]);
}

static void break_off(struct nft *nft)
{
	if (nft->del.count > nft->loses)
		nft->del.count = nft->loses;
	nft->add.count = nft->loses = 0;
	apply(nft);
}

int nft_tx_commit(struct nft *nft)
{
	int error = 0;

	if (nft_tx_count(nft) != 0) {
		error = take_failure(nft, nft->add.items, nft->add.count);
		if (error == 0 && !fits(nft))
			error = -EEXIST;
		else if (error != 0)
			break_off(nft);
		if (error == 0) {
			apply(nft);
			buf_printf(&events, "commit -%zu +%zu;", nft->del.count, nft->add.count);
			nft->wrong_rules -= nft->found_rules;
			nft->found_rules = 0;
		}
	}
	element_list_clear(&nft->del);
	element_list_clear(&nft->add);
	return error;
}

/* ---- a transaction in parts ---- */

struct nft_parts {
	struct element_list add, del;
	size_t at; /* in both, additions first */
};

struct nft_parts *nft_tx_take(struct nft *nft, size_t together)
{
	(void)together;
	struct nft_parts *p = calloc(1, sizeof *p);

	p->add = nft->add;
	p->del = nft->del;
	nft->add = nft->del = (struct element_list){0};
	return p;
}

/* As the kernel would, but for the order: deletions without a replacement last. */
int nft_parts_commit(struct nft *nft, struct nft_parts *p, size_t most)
{
	int error = take_failure(nft, p->add.items, p->add.count);
	const size_t first = p->at;

	if (nft->part_max != 0)
		most = nft->part_max;
	for (; error == 0 && p->at < p->add.count && p->at - first < most; p->at++) {
		const size_t old = find(nft, &p->add.items[p->at]);
		if (old < nft->table.count)
			nft->table.items[old] = p->add.items[p->at];
		else
			element_list_add(&nft->table, &p->add.items[p->at]);
	}
	for (; error == 0 && p->at < p->add.count + p->del.count && p->at - first < most; p->at++) {
		const struct element *gone = &p->del.items[p->at - p->add.count];
		const size_t at = find(nft, gone);
		bool replaced = false;
		for (size_t i = 0; i < p->add.count; i++)
			replaced |= element_same_key(&p->add.items[i], gone);
		if (!replaced)
			nft->table.items[at] = nft->table.items[--nft->table.count];
	}
	if (error == 0)
		buf_printf(&events, "part %zu;", p->at - first);
	return error == 0 ? p->at < p->add.count + p->del.count : error;
}

void nft_parts_free(struct nft_parts *p)
{
	if (p == NULL)
		return;
	element_list_fini(&p->add);
	element_list_fini(&p->del);
	free(p);
}

/* ---- changes by another program ---- */

static inline void external_change(void)
{
	kernel.told.parts = TABLE_PARTS_ALL;
	kernel.changed = true;
}

/* Of elements: the notification names their set. */
static inline void external_change_of(uint8_t set)
{
	kernel.told.parts.sets |= 1u << set;
	kernel.changed = true;
}

static inline void external_del(const struct element *key)
{
	size_t at = find(&kernel, key);

	assert_true(at < kernel.table.count);
	external_change_of(key->set);
	kernel.table.items[at] = kernel.table.items[--kernel.table.count];
}

static inline void external_add(const struct element *e)
{
	assert_int_equal(find(&kernel, e), kernel.table.count);
	element_list_add(&kernel.table, e);
	external_change_of(e->set);
}

/* ---- the fake zone ---- */

struct zone {
	struct map services; /* by name; what it frees at the end */
};

static struct zone answers;

void zone_replace(struct zone *z, struct service *prev, struct service *next)
{
	buf_printf(&events, "%s%s;", next != NULL ? "publish " : "withdraw ", (next != NULL ? next : prev)->name);
	if (prev != NULL)
		assert_ptr_equal(map_del_str(&z->services, prev->name), prev);
	service_free(prev);
	if (next != NULL)
		assert_null(map_put_str(&z->services, next->name, next));
}

void zone_reverse_set(struct zone *z, const struct cidr *cidrs, size_t count)
{
	(void)z, (void)cidrs, (void)count;
}

void zone_complete(struct zone *z)
{
	(void)z;
	buf_puts(&events, "complete;");
}

/* What happened since the last call. */
static inline const char *happened(void)
{
	static char text[1024];

	snprintf(text, sizeof text, "%s", events.data != NULL ? events.data : "");
	buf_clear(&events);
	return text;
}

/* The answers live with the daemon; the kernel stays. */
static void answers_fini(void)
{
	struct service *service;
	size_t at = 0;

	while ((service = map_next(&answers.services, &at)) != NULL)
		service_free(service);
	map_fini(&answers.services);
}

/* Everything empty again. */
static void fakes_fini(void)
{
	answers_fini();
	element_list_fini(&kernel.table);
	element_list_fini(&kernel.add);
	element_list_fini(&kernel.del);
	kernel = (struct nft){0};
	buf_fini(&events);
}

#endif
