/* Rules that choose an endpoint. */
#include "nft/pick.h"

#include <stdio.h>

#include "nft/rule.h"

static void dnat_from(struct build *b, struct nftnl_rule *r, enum set_id map)
{
	char name[NAME_BYTES];

	rule_lookup(r, REG(0), build_set_name(b, map, name), REG(0));
	rule_dnat(r, b->family, REG(0), REG(build_addr_regs(b)));
}

static enum set_id pool_map(const struct verdict *v)
{
	return v->kind == VERDICT_PICK_INTERNAL ? SET_INTERNAL_ENDPOINTS : SET_ENDPOINTS;
}

/* "try4-8", "retry-internal6-2". */
static const char *draw_chain(const struct build *b, const char *word, const struct verdict *v, char name[NAME_BYTES])
{
	snprintf(name, NAME_BYTES, "%s%s%c-%u", word, v->kind == VERDICT_PICK_INTERNAL ? "-internal" : "",
		 build_digit(b), v->size);
	return name;
}

static struct verdict sized(const struct verdict *v, uint32_t size)
{
	return (struct verdict){.kind = v->kind, .size = size};
}

static const char *affinity_lookup_chain(const struct build *b, char name[NAME_BYTES])
{
	snprintf(name, NAME_BYTES, "affinity-lookup%c", build_digit(b));
	return name;
}

/*
 * One draw among S slots. A chain of its own, so that only one rule per size refers to the map: for every element that
 * is added, the kernel goes through all rules that do (nft_add_set_elem), at 15 ns each.
 */
static void make_try(struct build *b, const struct verdict *v)
{
	char name[NAME_BYTES];
	struct nftnl_rule *r;
	uint32_t slot;

	build_chain(b, draw_chain(b, "try", v, name));
	r = build_rule(b);
	rule_family(r, b->family);
	slot = build_load_frontend(b, r, 0);
	rule_random(r, v->size, REG(slot));
	dnat_from(b, r, pool_map(v));
}

/* A client that came before goes where it went. */
static void make_affinity_lookup(struct build *b)
{
	char name[NAME_BYTES];
	struct nftnl_rule *r;

	build_chain(b, affinity_lookup_chain(b, name));
	r = build_rule(b);
	rule_family(r, b->family);
	rule_saddr(r, b->family, REG(0u));
	build_load_frontend(b, r, build_addr_regs(b));
	dnat_from(b, r, SET_AFFINITY);
}

/*
 * Rejection sampling: a miss draws again, so the choice is uniform however many of the S slots are filled, and a
 * packet that races with a shrinking service still lands on an endpoint. Hardly any draw misses them all; the half and
 * slot 0, which is always filled, are for what does.
 */
static void make_retry(struct build *b, const struct verdict *v)
{
	struct verdict half = sized(v, v->size / 2), first = sized(v, 1);
	char name[NAME_BYTES], to[NAME_BYTES];

	build_chain(b, draw_chain(b, "retry", v, name));
	for (int i = 1; i < RULESET_TRIES; i++)
		build_jump(b, draw_chain(b, "try", v, to));
	if (half.size > 1)
		build_jump(b, draw_chain(b, "try", &half, to));
	build_goto(b, draw_chain(b, "try", &first, to));
}

/* A Maglev pool is full; slot 0 is for the moment in which it changes. */
static void make_maglev(struct build *b, const struct verdict *v)
{
	struct verdict first = sized(v, 1);
	char name[NAME_BYTES], to[NAME_BYTES];
	struct nftnl_rule *r;
	uint32_t slot;

	build_chain(b, names_chain(v, b->family, name));
	r = build_rule(b);
	rule_family(r, b->family);
	slot = build_load_frontend(b, r, 0);
	rule_saddr(r, b->family, REG(8u));
	rule_hash(r, REG(8u), b->family == AF_INET ? 4 : 16, v->size, REG(slot));
	dnat_from(b, r, pool_map(v));
	build_goto(b, draw_chain(b, "try", &first, to));
}

void pick_put(struct build *b, const struct verdict *v)
{
	struct verdict maglev = {.kind = v->kind, .maglev = true, .size = v->size};
	char to[NAME_BYTES];

	if (v->affinity)
		build_jump(b, affinity_lookup_chain(b, to));
	if (v->maglev) {
		build_goto(b, names_chain(&maglev, b->family, to));
	} else if (v->size > 1) {
		build_jump(b, draw_chain(b, "try", v, to));
		build_goto(b, draw_chain(b, "retry", v, to));
	} else {
		build_goto(b, draw_chain(b, "try", v, to));
	}
}

static void make_pick(struct build *b, const struct verdict *v)
{
	char name[NAME_BYTES];

	if (v->maglev && !v->affinity) {
		make_maglev(b, v);
		return;
	}
	build_chain(b, names_chain(v, b->family, name));
	pick_put(b, v);
}

static void make_pool(struct build *b, enum verdict_kind kind)
{
	for (uint32_t size = 1; size <= b->largest; size = slot_size(size + 1)) {
		const struct verdict v = {.kind = (uint8_t)kind, .size = size};

		make_try(b, &v);
		if (size > 1)
			make_retry(b, &v);
	}
	build_kind(b, kind, make_pick);
}

void pick_build(struct build *b)
{
	make_affinity_lookup(b);
	make_pool(b, VERDICT_PICK);
	make_pool(b, VERDICT_PICK_INTERNAL);
}
