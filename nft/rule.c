/* Writes the expressions of one rule. */
#include "nft/rule.h"

#include <assert.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>

#include "base/log.h"
#include "base/mem.h"

static struct nftnl_expr *rule_add(struct nftnl_rule *r, const char *kind)
{
	struct nftnl_expr *e = nftnl_expr_alloc(kind);

	if (e == NULL)
		fatal("nft expression %s", kind);
	nftnl_rule_add_expr(r, e);
	return e;
}

struct nftnl_rule *rule_new(const char *table, const char *chain)
{
	struct nftnl_rule *r = mem_made(nftnl_rule_alloc());

	nftnl_rule_set_str(r, NFTNL_RULE_TABLE, table);
	nftnl_rule_set_str(r, NFTNL_RULE_CHAIN, chain);
	nftnl_rule_set_u32(r, NFTNL_RULE_FAMILY, NFPROTO_INET);
	return r;
}

static void payload(struct nftnl_rule *r, uint32_t base, uint32_t offset, uint32_t bytes, uint32_t reg)
{
	struct nftnl_expr *e = rule_add(r, "payload");

	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_BASE, base);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_LEN, bytes);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_DREG, reg);
}

static void meta(struct nftnl_rule *r, uint32_t key, uint32_t reg)
{
	struct nftnl_expr *e = rule_add(r, "meta");

	nftnl_expr_set_u32(e, NFTNL_EXPR_META_KEY, key);
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_DREG, reg);
}

static void ct(struct nftnl_rule *r, uint32_t key, int direction, uint32_t reg)
{
	struct nftnl_expr *e = rule_add(r, "ct");

	nftnl_expr_set_u32(e, NFTNL_EXPR_CT_KEY, key);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CT_DREG, reg);
	if (direction >= 0)
		nftnl_expr_set_u8(e, NFTNL_EXPR_CT_DIR, (uint8_t)direction);
}

static void compare(struct nftnl_rule *r, uint32_t op, const void *bytes, uint32_t count)
{
	struct nftnl_expr *e = rule_add(r, "cmp");

	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_SREG, REG(0));
	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_OP, op);
	nftnl_expr_set(e, NFTNL_EXPR_CMP_DATA, bytes, count);
}

/* From REG(0) on: (what is there & mask) ^ flip, each of so many bytes. */
static void bitwise_bytes(struct nftnl_rule *r, const void *mask, const void *flip, uint32_t bytes)
{
	struct nftnl_expr *e = rule_add(r, "bitwise");

	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_SREG, REG(0));
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_DREG, REG(0));
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_OP, NFT_BITWISE_BOOL);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_LEN, bytes);
	nftnl_expr_set(e, NFTNL_EXPR_BITWISE_MASK, mask, bytes);
	nftnl_expr_set(e, NFTNL_EXPR_BITWISE_XOR, flip, bytes);
}

static void bitwise(struct nftnl_rule *r, uint32_t mask, uint32_t flip)
{
	bitwise_bytes(r, &mask, &flip, sizeof mask);
}

void rule_family(struct nftnl_rule *r, int family)
{
	uint8_t nfproto = family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6;

	meta(r, NFT_META_NFPROTO, REG(0));
	compare(r, NFT_CMP_EQ, &nfproto, sizeof nfproto);
}

void rule_nfproto(struct nftnl_rule *r, uint32_t reg)
{
	meta(r, NFT_META_NFPROTO, reg);
}

void rule_saddr(struct nftnl_rule *r, int family, uint32_t reg)
{
	if (family == AF_INET)
		payload(r, NFT_PAYLOAD_NETWORK_HEADER, 12, 4, reg);
	else
		payload(r, NFT_PAYLOAD_NETWORK_HEADER, 8, 16, reg);
}

void rule_daddr(struct nftnl_rule *r, int family, uint32_t reg)
{
	if (family == AF_INET)
		payload(r, NFT_PAYLOAD_NETWORK_HEADER, 16, 4, reg);
	else
		payload(r, NFT_PAYLOAD_NETWORK_HEADER, 24, 16, reg);
}

void rule_addr_byte(struct nftnl_rule *r, uint32_t at, uint32_t reg)
{
	payload(r, NFT_PAYLOAD_NETWORK_HEADER, at, 1, reg);
}

void rule_l4proto(struct nftnl_rule *r, uint32_t reg)
{
	meta(r, NFT_META_L4PROTO, reg);
}

void rule_dport(struct nftnl_rule *r, uint32_t reg)
{
	payload(r, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, reg);
}

void rule_original_daddr(struct nftnl_rule *r, int family, uint32_t reg)
{
	ct(r, family == AF_INET ? NFT_CT_DST_IP : NFT_CT_DST_IP6, IP_CT_DIR_ORIGINAL, reg);
}

void rule_original_dport(struct nftnl_rule *r, uint32_t reg)
{
	ct(r, NFT_CT_PROTO_DST, IP_CT_DIR_ORIGINAL, reg);
}

void rule_random(struct nftnl_rule *r, uint32_t modulus, uint32_t reg)
{
	struct nftnl_expr *e = rule_add(r, "numgen");

	nftnl_expr_set_u32(e, NFTNL_EXPR_NG_DREG, reg);
	nftnl_expr_set_u32(e, NFTNL_EXPR_NG_MODULUS, modulus);
	nftnl_expr_set_u32(e, NFTNL_EXPR_NG_TYPE, NFT_NG_RANDOM);
}

/* The seed is the same on every node, so that nodes agree on the endpoint of a client. */
#define HASH_SEED 0x66616972u

void rule_hash(struct nftnl_rule *r, uint32_t from, uint32_t bytes, uint32_t modulus, uint32_t reg)
{
	struct nftnl_expr *e = rule_add(r, "hash");

	nftnl_expr_set_u32(e, NFTNL_EXPR_HASH_SREG, from);
	nftnl_expr_set_u32(e, NFTNL_EXPR_HASH_DREG, reg);
	nftnl_expr_set_u32(e, NFTNL_EXPR_HASH_LEN, bytes);
	nftnl_expr_set_u32(e, NFTNL_EXPR_HASH_MODULUS, modulus);
	nftnl_expr_set_u32(e, NFTNL_EXPR_HASH_SEED, HASH_SEED);
	nftnl_expr_set_u32(e, NFTNL_EXPR_HASH_TYPE, NFT_HASH_JENKINS);
}

void rule_in_range(struct nftnl_rule *r, const struct cidr *range, bool equal)
{
	static const uint8_t none[16];
	uint32_t bytes = (uint32_t)addr_bytes(&range->addr);
	uint8_t mask[16] = {0};

	for (uint32_t bit = 0; bit < range->prefix; bit++)
		mask[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	bitwise_bytes(r, mask, none, bytes);
	compare(r, equal ? NFT_CMP_EQ : NFT_CMP_NEQ, range->addr.bytes, bytes);
}

void rule_input_interface(struct nftnl_rule *r, const char *name, bool prefix, bool equal)
{
	char padded[16] = {0}; /* IFNAMSIZ: the kernel compares all of it unless told a prefix */
	size_t length = strlen(name);

	assert(length < sizeof padded);
	memcpy(padded, name, length);
	meta(r, NFT_META_IIFNAME, REG(0));
	compare(r, equal ? NFT_CMP_EQ : NFT_CMP_NEQ, padded, prefix ? (uint32_t)length : sizeof padded);
}

void rule_from_node(struct nftnl_rule *r)
{
	uint32_t none = 0;

	meta(r, NFT_META_IIF, REG(0));
	compare(r, NFT_CMP_EQ, &none, sizeof none);
}

void rule_leaving(struct nftnl_rule *r)
{
	uint32_t loopback = 1; /* its index in every namespace */

	meta(r, NFT_META_OIF, REG(0));
	compare(r, NFT_CMP_NEQ, &loopback, sizeof loopback);
}

void rule_not_translated(struct nftnl_rule *r)
{
	uint32_t none = 0;

	ct(r, NFT_CT_STATUS, -1, REG(0));
	bitwise(r, IPS_DST_NAT, 0);
	compare(r, NFT_CMP_EQ, &none, sizeof none);
}

void rule_mark_set(struct nftnl_rule *r, uint32_t bit)
{
	meta(r, NFT_META_MARK, REG(0));
	bitwise(r, bit, 0);
	compare(r, NFT_CMP_EQ, &bit, sizeof bit);
}

void rule_mark_is(struct nftnl_rule *r, uint32_t mark)
{
	meta(r, NFT_META_MARK, REG(0));
	compare(r, NFT_CMP_EQ, &mark, sizeof mark);
}

void rule_port_is(struct nftnl_rule *r, uint8_t proto, bool source, uint16_t port)
{
	const uint8_t bytes[] = {(uint8_t)(port >> 8), (uint8_t)port};

	rule_l4proto(r, REG(0));
	compare(r, NFT_CMP_EQ, &proto, sizeof proto);
	payload(r, NFT_PAYLOAD_TRANSPORT_HEADER, source ? 0 : 2, 2, REG(0));
	compare(r, NFT_CMP_EQ, bytes, sizeof bytes);
}

void rule_known_flow(struct nftnl_rule *r)
{
	const uint32_t none = 0;

	ct(r, NFT_CT_STATE, -1, REG(0));
	bitwise(r, NF_CT_STATE_BIT(IP_CT_ESTABLISHED) | NF_CT_STATE_BIT(IP_CT_RELATED), 0);
	compare(r, NFT_CMP_NEQ, &none, sizeof none);
}

void rule_in_set(struct nftnl_rule *r, uint32_t key, const char *set, bool inverted)
{
	struct nftnl_expr *e = rule_add(r, "lookup");

	nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_SREG, key);
	nftnl_expr_set_str(e, NFTNL_EXPR_LOOKUP_SET, set);
	nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_FLAGS, inverted ? NFT_LOOKUP_F_INV : 0);
}

void rule_lookup(struct nftnl_rule *r, uint32_t key, const char *map, uint32_t to)
{
	struct nftnl_expr *e = rule_add(r, "lookup");

	nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_SREG, key);
	nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_DREG, to);
	nftnl_expr_set_str(e, NFTNL_EXPR_LOOKUP_SET, map);
	nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_FLAGS, 0);
}

static void store_mark(struct nftnl_rule *r)
{
	struct nftnl_expr *e = rule_add(r, "meta");

	nftnl_expr_set_u32(e, NFTNL_EXPR_META_KEY, NFT_META_MARK);
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_SREG, REG(0));
}

void rule_add_mark(struct nftnl_rule *r, uint32_t bit)
{
	meta(r, NFT_META_MARK, REG(0));
	bitwise(r, ~bit, bit);
	store_mark(r);
}

void rule_clear_mark(struct nftnl_rule *r, uint32_t bit)
{
	meta(r, NFT_META_MARK, REG(0));
	bitwise(r, ~bit, 0);
	store_mark(r);
}

void rule_dnat(struct nftnl_rule *r, int family, uint32_t addr, uint32_t port)
{
	struct nftnl_expr *e = rule_add(r, "nat");

	nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_TYPE, NFT_NAT_DNAT);
	nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_FAMILY, family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6);
	nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_REG_ADDR_MIN, addr);
	nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_REG_ADDR_MAX, addr);
	nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_REG_PROTO_MIN, port);
	nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_REG_PROTO_MAX, port);
	/* The kernel sets them itself; said here so that rules read back look like those sent. */
	nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_FLAGS, NF_NAT_RANGE_MAP_IPS | NF_NAT_RANGE_PROTO_SPECIFIED);
}

void rule_masquerade(struct nftnl_rule *r)
{
	struct nftnl_expr *e = rule_add(r, "masq");

	nftnl_expr_set_u32(e, NFTNL_EXPR_MASQ_FLAGS, NF_NAT_RANGE_PROTO_RANDOM_FULLY);
}

void rule_notrack(struct nftnl_rule *r)
{
	rule_add(r, "notrack");
}

void rule_reset_tcp(struct nftnl_rule *r)
{
	uint8_t tcp = IPPROTO_TCP;
	struct nftnl_expr *e;

	rule_l4proto(r, REG(0));
	compare(r, NFT_CMP_EQ, &tcp, sizeof tcp);
	e = rule_add(r, "reject");
	nftnl_expr_set_u32(e, NFTNL_EXPR_REJECT_TYPE, NFT_REJECT_TCP_RST);
	nftnl_expr_set_u8(e, NFTNL_EXPR_REJECT_CODE, 0);
}

void rule_refuse(struct nftnl_rule *r)
{
	struct nftnl_expr *e = rule_add(r, "reject");

	nftnl_expr_set_u32(e, NFTNL_EXPR_REJECT_TYPE, NFT_REJECT_ICMPX_UNREACH);
	nftnl_expr_set_u8(e, NFTNL_EXPR_REJECT_CODE, NFT_REJECT_ICMPX_PORT_UNREACH);
}

void rule_verdict(struct nftnl_rule *r, int verdict, const char *chain)
{
	struct nftnl_expr *e = rule_add(r, "immediate");

	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, REG_VERDICT);
	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_VERDICT, (uint32_t)verdict);
	if (chain != NULL)
		nftnl_expr_set_str(e, NFTNL_EXPR_IMM_CHAIN, chain);
}

static struct nftnl_expr *update(struct nftnl_rule *r, const char *set, uint32_t key, uint64_t timeout_ms)
{
	struct nftnl_expr *e = rule_add(r, "dynset");

	nftnl_expr_set_u32(e, NFTNL_EXPR_DYNSET_OP, NFT_DYNSET_OP_UPDATE);
	nftnl_expr_set_u32(e, NFTNL_EXPR_DYNSET_SREG_KEY, key);
	nftnl_expr_set_str(e, NFTNL_EXPR_DYNSET_SET_NAME, set);
	nftnl_expr_set_u64(e, NFTNL_EXPR_DYNSET_TIMEOUT, timeout_ms);
	return e;
}

void rule_update_set(struct nftnl_rule *r, const char *set, uint32_t key, uint64_t timeout_ms)
{
	update(r, set, key, timeout_ms);
}

void rule_update(struct nftnl_rule *r, const char *map, uint32_t key, uint32_t data, uint64_t timeout_ms)
{
	nftnl_expr_set_u32(update(r, map, key, timeout_ms), NFTNL_EXPR_DYNSET_SREG_DATA, data);
}
