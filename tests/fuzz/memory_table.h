/*
 * A kernel made of memory, in place of nft/: it refuses what the real one refuses, and costs the same per element at
 * any size. Include in one file of a fuzz target.
 */
#ifndef TESTS_MEMORY_TABLE_H
#define TESTS_MEMORY_TABLE_H

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "nft/element_list.h"
#include "nft/nft.h"

struct table_entry {
	struct element element;
	struct element key; /* zeroes but for the key: what the map hashes */
};

struct nft {
	struct map table;
	struct element_list del, add;
	bool loaded;
	uint64_t operations;
};

static struct nft kernel;

static void table_must(bool holds)
{
	if (!holds)
		abort();
}

static void addr_copy(struct addr *to, const struct addr *from)
{
	to->family = from->family;
	memcpy(to->bytes, from->bytes, from->family == AF_INET ? 4 : sizeof to->bytes);
}

static void key_of(struct element *key, const struct element *e)
{
	memset(key, 0, sizeof *key);
	key->set = e->set;
	key->proto = e->proto;
	key->port = e->port;
	key->slot = e->slot;
	addr_copy(&key->daddr, &e->daddr);
	addr_copy(&key->range.addr, &e->range.addr);
	key->range.prefix = e->range.prefix;
}

static void table_put(const struct element *e)
{
	struct table_entry *entry = mem_alloc(sizeof *entry);

	entry->element = *e;
	key_of(&entry->key, e);
	table_must(map_put(&kernel.table, &entry->key, sizeof entry->key, entry) == NULL); /* EEXIST */
	kernel.operations++;
}

static void table_remove(const struct element *e)
{
	struct element key;

	key_of(&key, e);
	struct table_entry *entry = map_del(&kernel.table, &key, sizeof key);
	table_must(entry != NULL); /* ENOENT */
	free(entry);
	kernel.operations++;
}

static void table_fini(void)
{
	struct table_entry *entry;
	size_t at = 0;

	while ((entry = map_next(&kernel.table, &at)) != NULL)
		free(entry);
	map_fini(&kernel.table);
	element_list_fini(&kernel.del);
	element_list_fini(&kernel.add);
	kernel = (struct nft){0};
}

/* It holds exactly these; sorts them. */
static void table_check(struct element_list *want)
{
	table_must(want->count == map_count(&kernel.table));
	for (size_t i = 0; i < want->count; i++) {
		struct element key;
		key_of(&key, &want->items[i]);
		const struct table_entry *entry = map_get(&kernel.table, &key, sizeof key);
		table_must(entry != NULL && element_equal(&entry->element, &want->items[i]));
	}
}

const char *nft_error(const struct nft *nft)
{
	(void)nft;
	return "";
}

int nft_table_state(struct nft *nft, enum table_state *state)
{
	*state = nft->loaded ? TABLE_OURS : TABLE_ABSENT;
	return 0;
}

int nft_dump(struct nft *nft, uint32_t sets, nft_each_fn *each, void *ctx)
{
	struct table_entry *entry;
	size_t at = 0;

	while ((entry = map_next(&nft->table, &at)) != NULL)
		if ((sets >> entry->element.set & 1) != 0)
			each(ctx, &entry->element);
	return 0;
}

void nft_dump_frontends(struct nft *nft, nft_each_fn *each, void *ctx)
{
	(void)nft, (void)each, (void)ctx; /* its table is always ours */
}

void nft_monitor_retry(struct nft *nft)
{
	(void)nft;
}

void nft_monitor_read(struct nft *nft, struct external_changes *changes)
{
	(void)nft;
	(void)changes;
}

bool nft_refused(const struct nft *nft, struct element *e)
{
	(void)nft;
	(void)e;
	return false;
}

int nft_load(struct nft *nft, const struct element *elements, size_t count)
{
	nft->loaded = true;
	for (size_t i = 0; i < count; i++)
		table_put(&elements[i]);
	return 0;
}

int nft_get(struct nft *nft, struct element *e)
{
	struct element key;

	key_of(&key, e);
	const struct table_entry *entry = map_get(&nft->table, &key, sizeof key);
	if (entry == NULL)
		return -ENOENT;
	*e = entry->element;
	return 0;
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
	return nft->del.count + nft->add.count;
}

int nft_tx_commit(struct nft *nft)
{
	for (size_t i = 0; i < nft->del.count; i++)
		table_remove(&nft->del.items[i]);
	for (size_t i = 0; i < nft->add.count; i++)
		table_put(&nft->add.items[i]);
	element_list_clear(&nft->del);
	element_list_clear(&nft->add);
	return 0;
}

/* ---- a transaction in parts ---- */

struct nft_parts {
	struct element_list del, add;
	size_t at; /* in both */
};

struct nft_parts *nft_tx_take(struct nft *nft, size_t together)
{
	(void)together;
	struct nft_parts *p = mem_alloc(sizeof *p);

	p->del = nft->del;
	p->add = nft->add;
	nft->del = nft->add = (struct element_list){0};
	return p;
}

int nft_parts_commit(struct nft *nft, struct nft_parts *p, size_t most)
{
	(void)nft;
	for (size_t sent = 0; sent < most && p->at < p->del.count + p->add.count; sent++, p->at++)
		if (p->at < p->del.count)
			table_remove(&p->del.items[p->at]);
		else
			table_put(&p->add.items[p->at - p->del.count]);
	return p->at < p->del.count + p->add.count;
}

void nft_parts_free(struct nft_parts *p)
{
	if (p == NULL)
		return;
	element_list_fini(&p->del);
	element_list_fini(&p->add);
	free(p);
}

#endif
