/* Decides which addresses of Services are announced on a network. */
#include "service/announce_plan.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"

/* The address of a frontend that is for machines outside; NULL: it is not, or was the one before. Keys are sorted. */
static const struct addr *outside(const struct service *s, size_t i, const struct addr *before)
{
	const struct frontend *f = &s->frontends[i];

	if (f->kind != FRONTEND_LOAD_BALANCER && f->kind != FRONTEND_EXTERNAL_IP)
		return NULL;
	return before != NULL && addr_equal(before, &f->key.addr) ? NULL : &f->key.addr;
}

uint64_t announce_digest(const struct service *s)
{
	const struct addr *before = NULL, *addr;
	uint64_t digest = 0;

	for (size_t i = 0; s != NULL && i < s->frontend_count; i++)
		if ((addr = outside(s, i, before)) != NULL) {
			digest = hash_bytes(addr, sizeof *addr, digest) | 1;
			before = addr;
		}
	return digest;
}

static int wish_compare(const void *a, const void *b)
{
	return addr_compare(&((const struct announce_wish *)a)->addr, &((const struct announce_wish *)b)->addr);
}

static struct announce_wish *gather(const struct announce_input *in, size_t *count)
{
	struct announce_wish *all = NULL;
	size_t found = 0, kept = 0, room = 0;

	for (size_t k = 0; k < in->service_count; k++) {
		const struct addr *before = NULL, *addr;
		for (size_t i = 0; i < in->services[k]->frontend_count; i++)
			if ((addr = outside(in->services[k], i, before)) != NULL) {
				all = mem_grow(all, found, &room, sizeof *all);
				all[found++] = (struct announce_wish){.addr = *addr};
				before = addr;
			}
	}
	if (found > 1)
		qsort(all, found, sizeof *all, wish_compare);
	for (size_t i = 0; i < found; i++)
		if (kept == 0 || wish_compare(&all[kept - 1], &all[i]) != 0)
			all[kept++] = all[i];
	*count = kept;
	return all;
}

/* RFC 3021: a network of two addresses has neither of these. RFC 4291 2.6.1: the first one is any router's. */
static bool is_subnets_own(const struct cidr *network, const struct addr *a)
{
	const unsigned bits = 8 * (unsigned)addr_bytes(a);
	struct addr last = network->addr;

	if (network->prefix + 1u >= bits)
		return false;
	for (unsigned i = network->prefix; i < bits; i++)
		last.bytes[i / 8] |= (uint8_t)(0x80 >> i % 8);
	return addr_equal(a, &network->addr) || (a->family == AF_INET && addr_equal(a, &last));
}

static bool is_one_of(const struct addr *list, size_t count, const struct addr *a)
{
	for (size_t i = 0; i < count; i++)
		if (addr_equal(&list[i], a))
			return true;
	return false;
}

static enum announce_fault check(const struct announce_input *in, const struct addr *a)
{
	bool found = false;

	for (size_t i = 0; i < in->network_count; i++) {
		if (!cidr_contains(&in->networks[i], a))
			continue;
		if (is_subnets_own(&in->networks[i], a))
			return ANNOUNCE_SUBNET;
		found = true;
	}
	if (is_one_of(in->host, in->host_count, a))
		return ANNOUNCE_HOST;
	if (!found)
		return ANNOUNCE_NO_NETWORK;
	if (is_one_of(in->routers, in->router_count, a))
		return ANNOUNCE_ROUTER;
	return in->unable[a->family == AF_INET6] ? ANNOUNCE_UNABLE : ANNOUNCE_FINE;
}

struct announce_wish *announce_plan(const struct announce_input *in, size_t *count)
{
	struct announce_wish *all = gather(in, count);
	size_t fine = 0;

	for (size_t i = 0; i < *count; i++) {
		all[i].fault = (uint8_t)check(in, &all[i].addr);
		if (all[i].fault == ANNOUNCE_FINE && ++fine > ANNOUNCE_MAX)
			all[i].fault = ANNOUNCE_TOO_MANY;
	}
	return all;
}

const char *announce_fault_text(enum announce_fault fault)
{
	static const char *const texts[] = {
		[ANNOUNCE_FINE] = "",
		[ANNOUNCE_NO_NETWORK] = "in no network of the interface: other machines need a route",
		[ANNOUNCE_SUBNET] = "the network's first or broadcast address",
		[ANNOUNCE_HOST] = "an address of this machine",
		[ANNOUNCE_ROUTER] = "the address of a router",
		[ANNOUNCE_UNABLE] = "the kernel does not answer for its family",
		[ANNOUNCE_TOO_MANY] = "1024 addresses are announced already",
	};

	return texts[fault];
}
