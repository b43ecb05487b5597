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

static const char *try_chain(const struct build *b, const struct verdict *v, uint32_t size, char name[NAME_BYTES])
{
	snprintf(name, NAME_BYTES, "try%s%c-%u", v->kind == VERDICT_PICK_INTERNAL ? "-internal" : "", build_digit(b),
		 size);
	return name;
}

static const char *recall_chain(const struct build *b, char name[NAME_BYTES])
{
	snprintf(name, NAME_BYTES, "recall%c", build_digit(b));
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

	build_chain(b, try_chain(b, v, v->size, name));
	r = build_rule(b);
	rule_family(r, b->family);
	slot = build_load_frontend(b, r, 0);
	rule_random(r, v->size, REG(slot));
	dnat_from(b, r, pool_map(v));
}

/* A client that came before goes where it went. */
static void make_recall(struct build *b)
{
	char name[NAME_BYTES];
	struct nftnl_rule *r;

	build_chain(b, recall_chain(b, name));
	r = build_rule(b);
	rule_family(r, b->family);
	rule_saddr(r, b->family, REG(0u));
	build_load_frontend(b, r, build_addr_regs(b));
	dnat_from(b, r, SET_AFFINITY);
}

static void make_sticky(struct build *b, const struct verdict *v)
{
	struct verdict unsticky = *v;
	char name[NAME_BYTES], to[NAME_BYTES];

	unsticky.sticky = false;
	build_chain(b, names_chain(v, b->family, name));
	build_jump(b, recall_chain(b, to));
	build_goto(b, names_chain(&unsticky, b->family, to));
}

/*
 * Rejection sampling: a miss draws again, so the choice is uniform however many of the S slots are filled, and a
 * packet that races with a shrinking service still lands on an endpoint. S is at most one step too large, so what
 * missed them all finds the lower half filled, and slot 0 in any case.
 */
static void make_random(struct build *b, const struct verdict *v)
{
	char name[NAME_BYTES], to[NAME_BYTES];

	build_chain(b, names_chain(v, b->family, name));
	for (int i = 0; v->size > 1 && i < SKELETON_TRIES; i++)
		build_jump(b, try_chain(b, v, v->size, to));
	if (v->size > 2)
		build_jump(b, try_chain(b, v, v->size / 2, to));
	build_goto(b, try_chain(b, v, 1, to));
}

/* A Maglev pool is full; slot 0 is for the moment in which it changes. */
static void make_maglev(struct build *b, const struct verdict *v)
{
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
	build_goto(b, try_chain(b, v, 1, to));
}

static void make_pick(struct build *b, const struct verdict *v)
{
	if (v->sticky)
		make_sticky(b, v);
	else if (v->maglev)
		make_maglev(b, v);
	else
		make_random(b, v);
}

static void make_pool(struct build *b, enum verdict_kind kind)
{
	for (uint32_t size = 1; size <= SLOT_MAX_SIZE; size *= 2)
		make_try(b, &(struct verdict){.kind = (uint8_t)kind, .size = size});
	build_kind(b, kind, make_pick);
}

void pick_build(struct build *b)
{
	make_recall(b);
	make_pool(b, VERDICT_PICK);
	make_pool(b, VERDICT_PICK_INTERNAL);
}
