/* Names with fixed addresses, sorted so that a name stands in front of the names below it. */
#include "dns/zone/static_names.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define CHUNK_BYTES 4096

struct static_names {
	struct arena *keys;
	struct static_address *items; /* by key and order */
	size_t count, room;
	const struct static_address **by_addr; /* the first of each address */
	size_t addr_count;
};

static size_t key_make(uint8_t key[NAME_BYTES], const struct name *name)
{
	size_t at = 0;

	for (unsigned i = name->labels; i-- > 0;) {
		size_t bytes = name->wire[name->label_at[i]] + 1U;
		memcpy(key + at, name->wire + name->label_at[i], bytes);
		at += bytes;
	}
	return at;
}

static void key_name(const struct static_address *e, struct name *name)
{
	uint8_t wire[NAME_BYTES];
	size_t to = e->key_bytes, at = 0;

	wire[to] = 0;
	for (size_t from = 0; from < e->key_bytes; from += e->key[from] + 1U) {
		size_t bytes = e->key[from] + 1U;
		to -= bytes;
		memcpy(wire + to, e->key + from, bytes);
	}
	bool read = name_read(name, wire, e->key_bytes + 1U, &at);
	assert(read);
	(void)read;
}

static int keys_compare(const uint8_t *a, size_t a_bytes, const uint8_t *b, size_t b_bytes)
{
	int order = memcmp(a, b, a_bytes < b_bytes ? a_bytes : b_bytes);

	return order != 0 ? order : (a_bytes > b_bytes) - (a_bytes < b_bytes);
}

static int by_key(const void *left, const void *right)
{
	const struct static_address *a = left, *b = right;
	int order = keys_compare(a->key, a->key_bytes, b->key, b->key_bytes);

	return order != 0 ? order : (a->order > b->order) - (a->order < b->order);
}

static int by_key_and_addr(const void *left, const void *right)
{
	const struct static_address *a = left, *b = right;
	int order = keys_compare(a->key, a->key_bytes, b->key, b->key_bytes);

	if (order == 0)
		order = addr_compare(&a->addr, &b->addr);
	return order != 0 ? order : (a->order > b->order) - (a->order < b->order);
}

static int by_address(const void *left, const void *right)
{
	const struct static_address *a = *(const struct static_address *const *)left;
	const struct static_address *b = *(const struct static_address *const *)right;
	int order = addr_compare(&a->addr, &b->addr);

	return order != 0 ? order : (a->order > b->order) - (a->order < b->order);
}

struct static_names *static_names_new(void)
{
	struct static_names *s = mem_alloc(sizeof *s);

	s->keys = arena_new(CHUNK_BYTES);
	return s;
}

void static_names_add(struct static_names *s, const struct name *name, const struct addr *a, bool reverse)
{
	uint8_t key[NAME_BYTES];
	size_t bytes = key_make(key, name);

	assert(bytes > 0);
	s->items = mem_grow(s->items, s->count, &s->room, sizeof *s->items);
	uint8_t *copy = arena_packed(s->keys, bytes, 1);
	memcpy(copy, key, bytes);
	s->items[s->count] = (struct static_address){copy, (uint8_t)bytes, reverse, (uint32_t)s->count, *a};
	s->count++;
}

static void sort(struct static_names *s, int (*compare)(const void *, const void *))
{
	if (s->count > 0)
		qsort(s->items, s->count, sizeof *s->items, compare);
}

static void drop_repeated(struct static_names *s)
{
	size_t kept = 0;

	sort(s, by_key_and_addr);
	for (size_t i = 0; i < s->count; i++) {
		const struct static_address *last = kept > 0 ? &s->items[kept - 1] : NULL, *e = &s->items[i];
		if (last == NULL || keys_compare(last->key, last->key_bytes, e->key, e->key_bytes) != 0 ||
		    !addr_equal(&last->addr, &e->addr))
			s->items[kept++] = *e;
	}
	s->count = kept;
}

static void index_addresses(struct static_names *s)
{
	size_t count = 0;

	s->by_addr = mem_array(s->count + 1, sizeof(struct static_address *));
	for (size_t i = 0; i < s->count; i++)
		if (s->items[i].reverse && !addr_is_wildcard(&s->items[i].addr))
			s->by_addr[count++] = &s->items[i];
	if (count > 0)
		qsort(s->by_addr, count, sizeof(struct static_address *), by_address);
	for (size_t i = 0; i < count; i++)
		if (i == 0 || !addr_equal(&s->by_addr[i]->addr, &s->by_addr[i - 1]->addr))
			s->by_addr[s->addr_count++] = s->by_addr[i];
}

void static_names_sort(struct static_names *s)
{
	assert(s->by_addr == NULL);
	drop_repeated(s);
	sort(s, by_key);
	index_addresses(s);
}

void static_names_free(void *names)
{
	struct static_names *s = names;

	if (s == NULL)
		return;
	arena_free(s->keys);
	free(s->items);
	free(s->by_addr);
	free(s);
}

size_t static_names_count(const struct static_names *s)
{
	return s->count;
}

/* The first item that is not before the key. */
static size_t lower_bound(const struct static_names *s, const uint8_t *key, size_t bytes)
{
	size_t low = 0, high = s->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct static_address *e = &s->items[middle];
		if (keys_compare(e->key, e->key_bytes, key, bytes) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool static_names_find(const struct static_names *s, const struct name *name, struct static_found *found)
{
	uint8_t key[NAME_BYTES];
	size_t bytes = key_make(key, name), first = lower_bound(s, key, bytes), end = first;

	*found = (struct static_found){0};
	if (first == s->count || s->items[first].key_bytes < bytes || memcmp(s->items[first].key, key, bytes) != 0)
		return false;
	found->items = &s->items[first];
	while (end < s->count && s->items[end].key_bytes == bytes && memcmp(s->items[end].key, key, bytes) == 0)
		end++;
	found->count = end - first;
	return true;
}

static int is_of(const void *address, const void *item)
{
	const struct static_address *const *e = item;

	return addr_compare(address, &(*e)->addr);
}

bool static_names_of(const struct static_names *s, const struct addr *a, struct name *name)
{
	const struct static_address *const *e = NULL;

	if (s->addr_count > 0)
		e = bsearch(a, s->by_addr, s->addr_count, sizeof(struct static_address *), is_of);
	if (e != NULL)
		key_name(*e, name);
	return e != NULL;
}
