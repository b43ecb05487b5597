#include "nft/skeleton.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libnftnl/chain.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter_ipv4.h>

#include "base/log.h"
#include "base/mem.h"
#include "nft/names.h"
#include "nft/rule.h"
#include "nft/sets.h"

/* What is being built, for the functions below. */
struct build {
	const struct skeleton *skeleton;
	const char *table;
	struct ruleset *out;
	int family;
	const char *chain; /* that rules go to */
};

#define GROW_STEP 256

static void *grow(void *list, size_t count)
{
	return count % GROW_STEP == 0 ? mem_resize(list, (count + GROW_STEP) * sizeof(void *)) : list;
}

static void add_rule(struct build *b, struct nftnl_rule *r)
{
	b->out->rules = grow(b->out->rules, b->out->rule_count);
	b->out->rules[b->out->rule_count++] = r;
}

static struct nftnl_chain *add_chain(struct build *b, const char *name)
{
	struct nftnl_chain *c = nftnl_chain_alloc();

	if (c == NULL)
		fatal("nft chain %s", name);
	nftnl_chain_set_u32(c, NFTNL_CHAIN_FAMILY, NFPROTO_INET);
	nftnl_chain_set_str(c, NFTNL_CHAIN_TABLE, b->table);
	nftnl_chain_set_str(c, NFTNL_CHAIN_NAME, name);
	b->out->chains = grow(b->out->chains, b->out->chain_count);
	b->out->chains[b->out->chain_count++] = c;
	b->chain = name;
	return c;
}

static struct nftnl_rule *next_rule(struct build *b)
{
	struct nftnl_rule *r = rule_new(b->table, b->chain);

	add_rule(b, r);
	return r;
}

static const char *set_name(const struct build *b, enum set_id set, char name[NAME_BYTES])
{
	return names_set(set, b->family, name);
}

static char digit(const struct build *b)
{
	return b->family == AF_INET ? '4' : '6';
}

/* Registers of a key: one for an IPv4 address or a small field, four for an IPv6 address. */
static uint32_t addr_regs(const struct build *b)
{
	return b->family == AF_INET ? 1 : 4;
}

/* daddr . l4proto . dport from register `at` on; returns the next free one. */
static uint32_t load_frontend(struct build *b, struct nftnl_rule *r, uint32_t at)
{
	rule_daddr(r, b->family, REG(at));
	at += addr_regs(b);
	rule_l4proto(r, REG(at));
	rule_dport(r, REG(at + 1));
	return at + 2;
}

static uint32_t load_original_frontend(struct build *b, struct nftnl_rule *r, uint32_t at)
{
	rule_original_daddr(r, b->family, REG(at));
	at += addr_regs(b);
	rule_l4proto(r, REG(at));
	rule_original_dport(r, REG(at + 1));
	return at + 2;
}

/* ---- pick: choosing an endpoint ---- */

static void dnat_from(struct build *b, struct nftnl_rule *r, enum set_id map)
{
	char name[NAME_BYTES];

	rule_lookup(r, REG(0), set_name(b, map, name), REG(0));
	rule_dnat(r, b->family, REG(0), REG(addr_regs(b)));
}

static enum set_id pool_map(const struct verdict *v)
{
	return v->kind == VERDICT_PICK_INTERNAL ? SET_INTERNAL_ENDPOINTS : SET_ENDPOINTS;
}

static const char *try_chain(const struct build *b, const struct verdict *v, uint32_t size, char name[NAME_BYTES])
{
	snprintf(name, NAME_BYTES, "try%s%c-%u", v->kind == VERDICT_PICK_INTERNAL ? "-internal" : "", digit(b), size);
	return name;
}

static const char *recall_chain(const struct build *b, char name[NAME_BYTES])
{
	snprintf(name, NAME_BYTES, "recall%c", digit(b));
	return name;
}

static void go(struct build *b, const char *chain)
{
	rule_verdict(next_rule(b), NFT_GOTO, chain);
}

static void call(struct build *b, const char *chain)
{
	rule_verdict(next_rule(b), NFT_JUMP, chain);
}

/*
 * One draw among S slots. A chain of its own, so that only one rule per size refers to the map: for every element that
 * is added, the kernel goes through all rules that do (nft_add_set_elem), at 15 ns each.
 */
static void build_try(struct build *b, const struct verdict *v)
{
	char name[NAME_BYTES];
	struct nftnl_rule *r;
	uint32_t slot;

	add_chain(b, try_chain(b, v, v->size, name));
	r = next_rule(b);
	rule_family(r, b->family);
	slot = load_frontend(b, r, 0);
	rule_random(r, v->size, REG(slot));
	dnat_from(b, r, pool_map(v));
}

/* A client that came before goes where it went. */
static void build_recall(struct build *b)
{
	char name[NAME_BYTES];
	struct nftnl_rule *r;

	add_chain(b, recall_chain(b, name));
	r = next_rule(b);
	rule_family(r, b->family);
	rule_saddr(r, b->family, REG(0u));
	load_frontend(b, r, addr_regs(b));
	dnat_from(b, r, SET_AFFINITY);
}

static void build_sticky(struct build *b, const struct verdict *v)
{
	struct verdict unsticky = *v;
	char name[NAME_BYTES], to[NAME_BYTES];

	unsticky.sticky = false;
	add_chain(b, names_chain(v, b->family, name));
	call(b, recall_chain(b, to));
	go(b, names_chain(&unsticky, b->family, to));
}

/*
 * Rejection sampling: a miss draws again, so the choice is uniform however many of the S slots are filled, and a
 * packet that races with a shrinking service still lands on an endpoint. S is at most one step too large, so what
 * missed them all finds the lower half filled, and slot 0 in any case.
 */
static void build_random(struct build *b, const struct verdict *v)
{
	char name[NAME_BYTES], to[NAME_BYTES];

	add_chain(b, names_chain(v, b->family, name));
	for (int i = 0; v->size > 1 && i < SKELETON_TRIES; i++)
		call(b, try_chain(b, v, v->size, to));
	if (v->size > 2)
		call(b, try_chain(b, v, v->size / 2, to));
	go(b, try_chain(b, v, 1, to));
}

/* A Maglev pool is full; slot 0 is for the moment in which it changes. */
static void build_maglev(struct build *b, const struct verdict *v)
{
	char name[NAME_BYTES], to[NAME_BYTES];
	struct nftnl_rule *r;
	uint32_t slot;

	add_chain(b, names_chain(v, b->family, name));
	r = next_rule(b);
	rule_family(r, b->family);
	slot = load_frontend(b, r, 0);
	rule_saddr(r, b->family, REG(8u));
	rule_hash(r, REG(8u), b->family == AF_INET ? 4 : 16, v->size, REG(slot));
	dnat_from(b, r, pool_map(v));
	go(b, try_chain(b, v, 1, to));
}

static void build_pick(struct build *b, const struct verdict *v)
{
	if (v->sticky)
		build_sticky(b, v);
	else if (v->maglev)
		build_maglev(b, v);
	else
		build_random(b, v);
}

/* ---- cluster, external: masquerade or not, then pick ---- */

static enum detector detector(const struct build *b)
{
	return b->family == AF_INET ? b->skeleton->detector4 : b->skeleton->detector6;
}

/* Matches when the source is (equal) or is not local by the detector. */
static void match_local(struct build *b, struct nftnl_rule *r, bool equal)
{
	char name[NAME_BYTES];

	if (detector(b) == DETECT_SOURCES) {
		rule_family(r, b->family);
		rule_saddr(r, b->family, REG(0u));
		rule_in_set(r, REG(0u), set_name(b, SET_LOCAL_SOURCES, name), !equal);
	} else {
		rule_input_interface(r, b->skeleton->interface, detector(b) == DETECT_INTERFACE_PREFIX, equal);
	}
}

static void build_masquerading(struct build *b, const struct verdict *v)
{
	bool always = v->kind == VERDICT_EXTERNAL || b->skeleton->masquerade_all;
	struct verdict pick = *v;
	char name[NAME_BYTES], to[NAME_BYTES];

	add_chain(b, names_chain(v, b->family, name));
	if (always || detector(b) != DETECT_NONE) {
		struct nftnl_rule *r = next_rule(b);

		if (!always)
			match_local(b, r, false);
		rule_add_mark(r, 1u << b->skeleton->masquerade_bit);
	}
	pick.kind = VERDICT_PICK;
	go(b, names_chain(&pick, b->family, to));
}

/* All chains of one kind that a verdict can name; the ones they go to come before them. */
static void build_kind(struct build *b, enum verdict_kind kind, void (*chain)(struct build *, const struct verdict *))
{
	for (unsigned flags = 0; flags < 4; flags++)
		for (uint32_t size = 1; size <= SLOT_MAX_SIZE; size *= 2) {
			struct verdict v = {(uint8_t)kind, .sticky = flags & 1, .maglev = flags & 2, .size = size};

			if (!v.maglev || size == MAGLEV_SIZE_SMALL || size == MAGLEV_SIZE_LARGE)
				chain(b, &v);
		}
}

static void build_pool(struct build *b, enum verdict_kind kind)
{
	for (uint32_t size = 1; size <= SLOT_MAX_SIZE; size *= 2)
		build_try(b, &(struct verdict){.kind = (uint8_t)kind, .size = size});
	build_kind(b, kind, build_pick);
}

static void build_balancing(struct build *b)
{
	build_recall(b);
	build_pool(b, VERDICT_PICK);
	build_pool(b, VERDICT_PICK_INTERNAL);
	build_kind(b, VERDICT_CLUSTER, build_masquerading);
	build_kind(b, VERDICT_EXTERNAL, build_masquerading);
}

/* ---- the single chains ---- */

static void follow(struct build *b, struct nftnl_rule *r, enum set_id map)
{
	char name[NAME_BYTES];

	load_frontend(b, r, 0);
	rule_lookup(r, REG(0u), set_name(b, map, name), REG_VERDICT);
}

/* externalTrafficPolicy Local: pods and the node itself reach all endpoints, others only local ones. */
static void build_split(struct build *b)
{
	struct verdict v = {.kind = VERDICT_SPLIT};
	struct nftnl_rule *r;
	char name[NAME_BYTES];

	add_chain(b, names_chain(&v, b->family, name));
	if (detector(b) != DETECT_NONE) {
		r = next_rule(b);
		match_local(b, r, true);
		if (detector(b) != DETECT_SOURCES)
			rule_family(r, b->family);
		follow(b, r, SET_INTERNAL);
	}
	r = next_rule(b);
	rule_from_node(r);
	rule_add_mark(r, 1u << b->skeleton->masquerade_bit);
	rule_family(r, b->family);
	follow(b, r, SET_INTERNAL);
	r = next_rule(b);
	rule_family(r, b->family);
	follow(b, r, SET_LOCAL);
	rule_verdict(next_rule(b), NF_DROP, NULL);
}

/* loadBalancerSourceRanges. */
static void build_fence(struct build *b)
{
	struct verdict v = {.kind = VERDICT_FENCE};
	struct nftnl_rule *r;
	char name[NAME_BYTES], set[NAME_BYTES];
	uint32_t source;

	add_chain(b, names_chain(&v, b->family, name));
	r = next_rule(b);
	rule_family(r, b->family);
	source = load_frontend(b, r, 0);
	rule_saddr(r, b->family, REG(source));
	rule_in_set(r, REG(0u), set_name(b, SET_ALLOWED_SOURCES, set), false);
	follow(b, r, SET_FENCED);
	rule_verdict(next_rule(b), NF_DROP, NULL);
}

static const char *family_chain(const struct build *b, const char *kind, char name[NAME_BYTES])
{
	snprintf(name, NAME_BYTES, "%s%c", kind, digit(b));
	return name;
}

static void build_services(struct build *b)
{
	struct nftnl_rule *r;
	char name[NAME_BYTES], set[NAME_BYTES];

	add_chain(b, family_chain(b, "services", name));
	r = next_rule(b);
	rule_family(r, b->family);
	follow(b, r, SET_DISPATCH);
	r = next_rule(b); /* another port of a live ClusterIP */
	rule_family(r, b->family);
	rule_daddr(r, b->family, REG(0u));
	rule_in_set(r, REG(0u), set_name(b, SET_CLUSTER_IPS, set), false);
	rule_verdict(r, NFT_GOTO, "refuse");
	r = next_rule(b); /* a ClusterIP that no Service has */
	rule_family(r, b->family);
	rule_daddr(r, b->family, REG(0u));
	rule_in_set(r, REG(0u), set_name(b, SET_SERVICE_CIDRS, set), false);
	rule_verdict(r, NF_DROP, NULL);
}

static void learn_if_sticky(struct build *b)
{
	struct nftnl_rule *r = next_rule(b);
	char set[NAME_BYTES];

	rule_family(r, b->family);
	load_original_frontend(b, r, 0);
	rule_lookup(r, REG(0u), set_name(b, SET_STICKY, set), REG_VERDICT);
}

/*
 * Source and destination of a translated connection are equal byte by byte: a pod reached itself and must not see its
 * own address as the client's. The rules language compares no two registers (before Linux 6.13), but finds a pair of
 * bytes in a constant set of equal pairs. Lowest byte first: nearly every other connection stops there.
 */
static void masquerade_hairpin(struct build *b)
{
	uint32_t bytes = b->family == AF_INET ? 4 : 16, source = b->family == AF_INET ? 12 : 8;
	struct nftnl_rule *r = next_rule(b);

	rule_family(r, b->family);
	for (uint32_t i = bytes; i-- > 0;) {
		rule_addr_byte(r, source + i, REG(0u));
		rule_addr_byte(r, source + bytes + i, REG(1u));
		rule_in_set(r, REG(0u), SKELETON_SAME_BYTE, false);
	}
	rule_masquerade(r);
}

static void build_translated(struct build *b)
{
	uint32_t bit = 1u << b->skeleton->masquerade_bit;
	struct nftnl_rule *r;
	char name[NAME_BYTES];

	add_chain(b, family_chain(b, "translated", name));
	learn_if_sticky(b);
	r = next_rule(b);
	rule_mark_set(r, bit);
	rule_clear_mark(r, bit); /* else a VXLAN packet around this one is masqueraded too (k8s #92035) */
	rule_masquerade(r);
	masquerade_hairpin(b);
}

static void build_family(struct build *b, int family)
{
	b->family = family;
	build_balancing(b);
	build_split(b);
	build_fence(b);
	build_services(b);
	build_translated(b);
}

/* ---- base chains ---- */

static void add_base_chain(struct build *b, const char *name, uint32_t hook, int32_t priority)
{
	struct nftnl_chain *c = add_chain(b, name);

	nftnl_chain_set_str(c, NFTNL_CHAIN_TYPE, "nat");
	nftnl_chain_set_u32(c, NFTNL_CHAIN_HOOKNUM, hook);
	nftnl_chain_set_s32(c, NFTNL_CHAIN_PRIO, priority);
	nftnl_chain_set_u32(c, NFTNL_CHAIN_POLICY, NF_ACCEPT);
}

static void go_by_family(struct build *b, const char *kind)
{
	struct nftnl_rule *r = next_rule(b);
	char name[NAME_BYTES];

	b->family = AF_INET;
	rule_family(r, AF_INET);
	rule_verdict(r, NFT_GOTO, family_chain(b, kind, name));
	b->family = AF_INET6;
	go(b, family_chain(b, kind, name));
}

static void skip_not_translated(struct build *b)
{
	struct nftnl_rule *r = next_rule(b);

	rule_not_translated(r);
	rule_verdict(r, NFT_RETURN, NULL);
}

static void build_hooks(struct build *b)
{
	add_base_chain(b, "prerouting", NF_INET_PRE_ROUTING, NF_IP_PRI_NAT_DST);
	go_by_family(b, "services");
	add_base_chain(b, "output", NF_INET_LOCAL_OUT, NF_IP_PRI_NAT_DST);
	go_by_family(b, "services");
	add_base_chain(b, "postrouting", NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC);
	skip_not_translated(b);
	go_by_family(b, "translated");
	/* Connections from outside to an endpoint on this host never see postrouting. */
	add_base_chain(b, "input", NF_INET_LOCAL_IN, NF_IP_PRI_NAT_SRC);
	skip_not_translated(b);
	b->family = AF_INET;
	learn_if_sticky(b);
	b->family = AF_INET6;
	learn_if_sticky(b);
}

/* ICMP errors are limited to some a second per client, and TCP would wait for the next one: it gets a reset. */
static void build_refuse(struct build *b)
{
	add_chain(b, "refuse");
	rule_reset_tcp(next_rule(b));
	rule_refuse(next_rule(b));
}

void skeleton_build(const struct skeleton *s, const char *table, struct ruleset *body, struct ruleset *hooks)
{
	struct build b = {.skeleton = s, .table = table, .out = body};

	assert(s->masquerade_bit < 32);
	sets_build(s, table, body);
	build_refuse(&b);
	build_family(&b, AF_INET);
	build_family(&b, AF_INET6);
	b.out = hooks;
	build_hooks(&b);
}

void skeleton_build_learn(const char *table, int family, uint32_t timeout_s, struct ruleset *out)
{
	struct verdict v = {.kind = VERDICT_LEARN, .timeout_s = timeout_s};
	struct build b = {.table = table, .out = out, .family = family};
	char name[NAME_BYTES], set[NAME_BYTES];
	struct nftnl_rule *r;
	uint32_t data;

	add_chain(&b, names_chain(&v, family, name));
	r = next_rule(&b);
	rule_family(r, family);
	rule_saddr(r, family, REG(0u));
	data = load_original_frontend(&b, r, addr_regs(&b));
	rule_daddr(r, family, REG(data));
	rule_dport(r, REG(data + addr_regs(&b)));
	rule_update(r, set_name(&b, SET_AFFINITY, set), REG(0u), REG(data), (uint64_t)timeout_s * 1000);
}

void ruleset_fini(struct ruleset *r)
{
	for (size_t i = 0; i < r->set_count; i++)
		nftnl_set_free(r->sets[i]);
	for (size_t i = 0; i < r->chain_count; i++)
		nftnl_chain_free(r->chains[i]);
	for (size_t i = 0; i < r->rule_count; i++)
		nftnl_rule_free(r->rules[i]);
	free(r->sets);
	free(r->chains);
	free(r->rules);
	*r = (struct ruleset){0};
}

static const char *detector_text(enum detector d)
{
	static const char *const texts[] = {"none", "sources", "interface", "prefix"};

	return texts[d];
}

const char *skeleton_text(const struct skeleton *s, char text[SKELETON_TEXT_BYTES])
{
	snprintf(text, SKELETON_TEXT_BYTES, "fairlead rules %d: bit %u, local v4 %s v6 %s%s%s%s%s", SKELETON_VERSION,
		 s->masquerade_bit, detector_text(s->detector4), detector_text(s->detector6),
		 s->interface != NULL ? " " : "", s->interface != NULL ? s->interface : "",
		 s->masquerade_all ? ", masquerade all" : "", s->counters ? ", counters" : "");
	return text;
}
