/* Starts chains and rules and the parts that rules share. */
#include "nft/build.h"

#include <stdio.h>

#include <libnftnl/chain.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter_ipv4.h>

#include "base/mem.h"
#include "nft/rule.h"

static void add_rule(struct build *b, struct nftnl_rule *r)
{
	b->out->rules = mem_grow(b->out->rules, b->out->rule_count, &b->out->rule_room, sizeof(struct nftnl_rule *));
	b->out->rules[b->out->rule_count++] = r;
}

struct nftnl_chain *build_chain(struct build *b, const char *name)
{
	struct nftnl_chain *c = mem_made(nftnl_chain_alloc());

	nftnl_chain_set_u32(c, NFTNL_CHAIN_FAMILY, NFPROTO_INET);
	nftnl_chain_set_str(c, NFTNL_CHAIN_TABLE, b->table);
	nftnl_chain_set_str(c, NFTNL_CHAIN_NAME, name);
	b->out->chains = mem_grow(b->out->chains, b->out->chain_count, &b->out->chain_room, sizeof c);
	b->out->chains[b->out->chain_count++] = c;
	b->chain = name;
	return c;
}

struct nftnl_rule *build_rule(struct build *b)
{
	struct nftnl_rule *r = rule_new(b->table, b->chain);

	add_rule(b, r);
	return r;
}

const char *build_set_name(const struct build *b, enum set_id set, char name[NAME_BYTES])
{
	return names_set(set, b->family, name);
}

char build_digit(const struct build *b)
{
	return b->family == AF_INET ? '4' : '6';
}

uint32_t build_addr_regs(const struct build *b)
{
	return b->family == AF_INET ? 1 : 4;
}

uint32_t build_load_frontend(struct build *b, struct nftnl_rule *r, uint32_t at)
{
	rule_daddr(r, b->family, REG(at));
	at += build_addr_regs(b);
	rule_l4proto(r, REG(at));
	rule_dport(r, REG(at + 1));
	return at + 2;
}

uint32_t build_load_original_frontend(struct build *b, struct nftnl_rule *r, uint32_t at)
{
	rule_original_daddr(r, b->family, REG(at));
	at += build_addr_regs(b);
	rule_l4proto(r, REG(at));
	rule_original_dport(r, REG(at + 1));
	return at + 2;
}

void build_vmap(struct build *b, struct nftnl_rule *r, enum set_id map)
{
	char name[NAME_BYTES];

	build_load_frontend(b, r, 0);
	rule_lookup(r, REG(0u), build_set_name(b, map, name), REG_VERDICT);
}

const char *build_family_name(const struct build *b, const char *kind, char name[NAME_BYTES])
{
	snprintf(name, NAME_BYTES, "%s%c", kind, build_digit(b));
	return name;
}

void build_goto(struct build *b, const char *chain)
{
	rule_verdict(build_rule(b), NFT_GOTO, chain);
}

void build_jump(struct build *b, const char *chain)
{
	rule_verdict(build_rule(b), NFT_JUMP, chain);
}

static void put_hook(struct build *b, const char *name, const char *type, uint32_t hook, int32_t priority)
{
	struct nftnl_chain *c = build_chain(b, name);

	nftnl_chain_set_str(c, NFTNL_CHAIN_TYPE, type);
	nftnl_chain_set_u32(c, NFTNL_CHAIN_HOOKNUM, hook);
	nftnl_chain_set_s32(c, NFTNL_CHAIN_PRIO, priority);
	nftnl_chain_set_u32(c, NFTNL_CHAIN_POLICY, NF_ACCEPT);
}

void build_base_chain(struct build *b, const char *name, uint32_t hook, int32_t priority)
{
	put_hook(b, name, "nat", hook, priority);
}

void build_raw_chain(struct build *b, const char *name, uint32_t hook)
{
	put_hook(b, name, "filter", hook, NF_IP_PRI_RAW);
}

void build_goto_by_family(struct build *b, const char *kind)
{
	struct nftnl_rule *r = build_rule(b);
	char name[NAME_BYTES];

	b->family = AF_INET;
	rule_family(r, AF_INET);
	rule_verdict(r, NFT_GOTO, build_family_name(b, kind, name));
	b->family = AF_INET6;
	build_goto(b, build_family_name(b, kind, name));
}

void build_unless_translated(struct build *b, int verdict, const char *chain)
{
	struct nftnl_rule *r = build_rule(b);

	rule_not_translated(r);
	rule_verdict(r, verdict, chain);
}

void build_kind(struct build *b, enum verdict_kind kind, void (*chain)(struct build *, const struct verdict *))
{
	for (unsigned flags = 0; flags < 4; flags++)
		for (uint32_t size = 1; size <= SLOT_MAX_SIZE; size = slot_size(size + 1)) {
			struct verdict v = {(uint8_t)kind, .affinity = flags & 1, .maglev = flags & 2, .size = size};

			if (v.maglev ? maglev_size_exists(size) : size <= b->largest)
				chain(b, &v);
		}
}
