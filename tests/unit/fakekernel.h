/*
 * A kernel and a zone made of memory, in place of nft/ and dns/zone/zone.c: what sync sends, when, and in which order.
 * Refuses what the real kernel refuses. Include after <cmocka.h>, in one file of a test program.
 */
#ifndef TESTS_FAKEKERNEL_H
#define TESTS_FAKEKERNEL_H

#include <errno.h>
#include <stdio.h>

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
	size_t loses; /* …and the commit, sent in pieces, breaks off after so many deletions */
	unsigned dumps;
	size_t wrong_rules;
	bool meanwhile;	     /* somebody is there during each load */
	uint32_t claimed;    /* elements of each set, it says */
	struct touched told; /* notifications that wait to be read */
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
	return 0;
}

int nft_dump(struct nft *nft, nft_each_fn *each, void *ctx)
{
	nft->dumps++;
	for (size_t i = 0; i < nft->table.count; i++)
		each(ctx, &nft->table.items[i]);
	return 0;
}

int nft_dump_family(struct nft *nft, enum set_id set, int family, nft_each_fn *each, void *ctx)
{
	for (size_t i = 0; i < nft->table.count; i++)
		if (nft->table.items[i].set == set && element_family(&nft->table.items[i]) == family)
			each(ctx, &nft->table.items[i]);
	return 0;
}

int nft_count(struct nft *nft, enum set_id set, int family, uint32_t *count)
{
	(void)set, (void)family;
	*count = nft->claimed;
	return 0;
}

int nft_mend_rules(struct nft *nft, size_t *operations)
{
	if (nft->state != TABLE_OURS)
		return -EBADMSG;
	*operations = nft->wrong_rules;
	nft->wrong_rules = 0;
	return 0;
}

int nft_recount(struct nft *nft)
{
	(void)nft;
	return 0;
}

void nft_monitor_read(struct nft *nft, struct touched *touched)
{
	touched->everything |= nft->told.everything;
	touched->rules |= nft->told.rules;
	touched->open = nft->told.open;
	touched->whole |= nft->told.whole;
	for (size_t i = 0; i < nft->told.keys.count; i++)
		touched_add(touched, &nft->told.keys.items[i]);
	touched_clear(&nft->told);
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
	nft->told.everything = nft->meanwhile;
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

/* As the kernel does: deleting what is not there, or adding what is, fails. */
static void apply(struct nft *nft)
{
	for (size_t d = 0; d < nft->del.count; d++) {
		size_t i = 0;
		while (i < nft->table.count && !element_same_key(&nft->table.items[i], &nft->del.items[d]))
			i++;
		assert_true(i < nft->table.count);
		nft->table.items[i] = nft->table.items[--nft->table.count];
	}
	for (size_t a = 0; a < nft->add.count; a++) {
		for (size_t i = 0; i < nft->table.count; i++)
			assert_false(element_same_key(&nft->table.items[i], &nft->add.items[a]));
		element_list_add(&nft->table, &nft->add.items[a]);
	}
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
	int error = nft->del.count + nft->add.count != 0 ? take_failure(nft, nft->add.items, nft->add.count) : 0;

	if (error != 0)
		break_off(nft);
	if (error == 0 && nft->del.count + nft->add.count != 0) {
		apply(nft);
		buf_printf(&events, "commit -%zu +%zu;", nft->del.count, nft->add.count);
	}
	element_list_clear(&nft->del);
	element_list_clear(&nft->add);
	return error;
}

/* ---- foreign hands in it ---- */

static inline size_t foreign_find(const struct element *key)
{
	size_t i = 0;

	while (i < kernel.table.count && !element_same_key(&kernel.table.items[i], key))
		i++;
	return i;
}

/* The notification carries the key; of the interval sets the set. */
static inline void foreign_tell(const struct element *e)
{
	if (e->set == SET_SERVICE_CIDRS)
		kernel.told.whole |= TOUCHED_BIT(e->set, element_family(e));
	else
		touched_add(&kernel.told, e);
}

static inline void foreign_del(const struct element *key)
{
	size_t at = foreign_find(key);

	assert_true(at < kernel.table.count);
	foreign_tell(key);
	kernel.table.items[at] = kernel.table.items[--kernel.table.count];
}

static inline void foreign_add(const struct element *e)
{
	assert_int_equal(foreign_find(e), kernel.table.count);
	foreign_tell(e);
	element_list_add(&kernel.table, e);
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

/* Everything empty again. */
static void fakes_fini(void)
{
	struct service *service;
	size_t at = 0;

	while ((service = map_next(&answers.services, &at)) != NULL)
		service_free(service);
	map_fini(&answers.services);
	element_list_fini(&kernel.table);
	element_list_fini(&kernel.add);
	element_list_fini(&kernel.del);
	touched_fini(&kernel.told);
	kernel = (struct nft){0};
	buf_fini(&events);
}

#endif
