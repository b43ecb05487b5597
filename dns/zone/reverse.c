/* Finds the owners of an address in a crit-bit tree. */
#include "dns/zone/reverse.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "dns/zone/rcu.h"

/* A link is 0, a leaf, or a fork with its lowest bit set. */
struct fork {
	unsigned bit; /* the first bit in which the two sides differ */
	_Atomic uintptr_t side[2];
};

static bool is_fork(uintptr_t link)
{
	return (link & 1) != 0;
}

static struct fork *fork_of(uintptr_t link)
{
	return (struct fork *)(link - 1);
}

static struct reverse_leaf *leaf_of(uintptr_t link)
{
	return (struct reverse_leaf *)link;
}

static const uint8_t *bytes_of(const struct reverse_leaf *leaf, uint8_t family)
{
	return family == AF_INET ? leaf->v4 : (const uint8_t *)(leaf->owners + leaf->count);
}

static unsigned bit_of(const struct addr *a, unsigned bit)
{
	return a->bytes[bit / 8] >> (7 - bit % 8) & 1;
}

static uintptr_t load(const _Atomic uintptr_t *link)
{
	return atomic_load_explicit((_Atomic uintptr_t *)link, memory_order_acquire);
}

static void store(_Atomic uintptr_t *link, uintptr_t value)
{
	atomic_store_explicit(link, value, memory_order_release);
}

static const _Atomic uintptr_t *root_of(const struct reverse *r, const struct addr *a)
{
	return a->family == AF_INET ? &r->v4 : &r->v6;
}

/*
 * Follows `a` while forks are above `bits`: *at covers every address that shares those bits; returns the link that
 * held it. Readers must use *at: the link may change at any time.
 */
static const _Atomic uintptr_t *descend(const _Atomic uintptr_t *link, const struct addr *a, unsigned bits,
					uintptr_t *at)
{
	for (;;) {
		*at = load(link);
		if (!is_fork(*at) || fork_of(*at)->bit >= bits)
			return link;
		link = &fork_of(*at)->side[bit_of(a, fork_of(*at)->bit)];
	}
}

static const struct reverse_leaf *any_leaf(uintptr_t link)
{
	while (is_fork(link))
		link = load(&fork_of(link)->side[0]);
	return leaf_of(link);
}

/* The first bit in which the leaf's address differs from one of its family; their length in bits when equal. */
static unsigned differ_at(const struct reverse_leaf *leaf, const struct addr *a)
{
	const uint8_t *bytes = bytes_of(leaf, a->family);
	unsigned bits = (unsigned)addr_bytes(a) * 8;

	for (unsigned i = 0; i < bits / 8; i++) {
		if (bytes[i] != a->bytes[i])
			return i * 8 + (unsigned)__builtin_clz((unsigned)(bytes[i] ^ a->bytes[i])) - 24;
	}
	return bits;
}

static bool is_at(const struct reverse_leaf *leaf, const struct addr *a)
{
	return memcmp(bytes_of(leaf, a->family), a->bytes, addr_bytes(a)) == 0;
}

const struct reverse_leaf *reverse_find(const struct reverse *r, const struct addr *a)
{
	uintptr_t link;

	descend(root_of(r, a), a, (unsigned)addr_bytes(a) * 8, &link);
	return link != 0 && is_at(leaf_of(link), a) ? leaf_of(link) : NULL;
}

bool reverse_any(const struct reverse *r, const struct addr *a, unsigned bits)
{
	uintptr_t link;

	descend(root_of(r, a), a, bits, &link);
	return link != 0 && differ_at(any_leaf(link), a) >= bits;
}

static struct reverse_leaf *leaf_new(const struct addr *a, uint32_t count)
{
	const size_t behind = a->family == AF_INET ? 0 : addr_bytes(a);
	struct reverse_leaf *leaf = mem_alloc(sizeof *leaf + count * sizeof leaf->owners[0] + behind);

	leaf->count = count;
	memcpy((uint8_t *)(uintptr_t)bytes_of(leaf, a->family), a->bytes, addr_bytes(a));
	return leaf;
}

static void owner_add(_Atomic uintptr_t *link, const struct addr *a, const void *owner)
{
	struct reverse_leaf *old = leaf_of(load(link));
	struct reverse_leaf *leaf = leaf_new(a, old->count + 1);

	memcpy(leaf->owners, old->owners, old->count * sizeof old->owners[0]);
	leaf->owners[old->count] = owner;
	store(link, (uintptr_t)leaf);
	rcu_defer(free, old);
}

void reverse_add(struct reverse *r, const struct addr *a, const void *owner)
{
	_Atomic uintptr_t *root = (_Atomic uintptr_t *)root_of(r, a);
	unsigned bits = (unsigned)addr_bytes(a) * 8;
	uintptr_t near, below;
	_Atomic uintptr_t *link = (_Atomic uintptr_t *)descend(root, a, bits, &near);
	unsigned bit = near == 0 ? 0 : differ_at(leaf_of(near), a);

	if (near != 0 && bit == bits) {
		owner_add(link, a, owner);
		return;
	}
	struct reverse_leaf *leaf = leaf_new(a, 1);
	leaf->owners[0] = owner;
	if (near == 0) {
		store(root, (uintptr_t)leaf);
		return;
	}
	link = (_Atomic uintptr_t *)descend(root, a, bit, &below);
	struct fork *fork = mem_alloc(sizeof *fork);
	fork->bit = bit;
	store(&fork->side[bit_of(a, bit)], (uintptr_t)leaf);
	store(&fork->side[!bit_of(a, bit)], below);
	store(link, (uintptr_t)fork | 1);
}

static void owner_del(_Atomic uintptr_t *link, const struct addr *a, const void *owner)
{
	struct reverse_leaf *old = leaf_of(load(link));
	struct reverse_leaf *leaf = leaf_new(a, old->count - 1);
	uint32_t kept = 0;

	for (uint32_t i = 0; i < old->count; i++) {
		if (old->owners[i] != owner && kept < leaf->count)
			leaf->owners[kept++] = old->owners[i];
	}
	assert(kept == leaf->count);
	store(link, (uintptr_t)leaf);
	rcu_defer(free, old);
}

void reverse_del(struct reverse *r, const struct addr *a, const void *owner)
{
	_Atomic uintptr_t *above = NULL, *link = (_Atomic uintptr_t *)root_of(r, a);

	while (is_fork(load(link))) {
		struct fork *fork = fork_of(load(link));
		above = link;
		link = &fork->side[bit_of(a, fork->bit)];
	}
	struct reverse_leaf *leaf = leaf_of(load(link));
	assert(leaf != NULL && is_at(leaf, a));
	if (leaf->count > 1) {
		owner_del(link, a, owner);
		return;
	}
	if (above == NULL) {
		store(link, 0);
	} else {
		struct fork *fork = fork_of(load(above));
		store(above, load(&fork->side[!bit_of(a, fork->bit)]));
		rcu_defer(free, fork);
	}
	rcu_defer(free, leaf);
}

static void free_below(uintptr_t link)
{
	if (is_fork(link)) {
		free_below(load(&fork_of(link)->side[0]));
		free_below(load(&fork_of(link)->side[1]));
		free(fork_of(link));
	} else {
		free(leaf_of(link));
	}
}

void reverse_fini(struct reverse *r)
{
	free_below(load(&r->v4));
	free_below(load(&r->v6));
	*r = (struct reverse){0};
}
