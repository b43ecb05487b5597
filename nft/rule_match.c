/* Evaluates one rule of any table for one packet. */
#include "nft/rule_match.h"

#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#define REGISTER_BYTES 80 /* 20 registers of 4 bytes; the first one of 16 is the verdict's */
#define CT_STATE_NEW 8u	  /* the bit of `ct state new` */

struct matching {
	const struct match_packet *packet;
	uint8_t bytes[REGISTER_BYTES];
	bool known[REGISTER_BYTES];
	struct match_result result;
	bool over;
};

/* Where a register begins; registers of 16 bytes and of 4 share their memory. */
static size_t register_at(uint32_t reg)
{
	return reg >= NFT_REG32_00 ? 16 + (size_t)(reg - NFT_REG32_00) * 4 : (size_t)reg * 16;
}

static void put(struct matching *m, uint32_t reg, const void *bytes, size_t length, bool known)
{
	size_t at = register_at(reg);

	if (at > REGISTER_BYTES || length > REGISTER_BYTES - at)
		return;
	if (known)
		memcpy(m->bytes + at, bytes, length);
	memset(m->known + at, known, length);
}

static bool is_known(const struct matching *m, uint32_t reg, size_t length)
{
	size_t at = register_at(reg);

	if (at > REGISTER_BYTES || length > REGISTER_BYTES - at)
		return false;
	for (size_t i = 0; i < length; i++)
		if (!m->known[at + i])
			return false;
	return true;
}

/* ---- loads ---- */

#define HEADER_BYTES 40 /* the longest: IPv6 */

struct header {
	uint8_t bytes[HEADER_BYTES];
	bool known[HEADER_BYTES];
};

static void header_put(struct header *h, size_t at, const void *bytes, size_t length)
{
	memcpy(h->bytes + at, bytes, length);
	memset(h->known + at, true, length);
}

static void network_header(struct header *h, const struct match_packet *p)
{
	bool four = p->to.family == AF_INET;

	header_put(h, four ? 9 : 6, &p->proto, 1);
	if (p->from.family == p->to.family)
		header_put(h, four ? 12 : 8, p->from.bytes, addr_bytes(&p->from));
	header_put(h, four ? 16 : 24, p->to.bytes, addr_bytes(&p->to));
}

/* Also a part of a field: what nft makes of 10.0.0.0/8 loads one byte. */
static void load_payload(struct matching *m, const struct nftnl_expr *e)
{
	uint32_t base = nftnl_expr_get_u32(e, NFTNL_EXPR_PAYLOAD_BASE);
	uint32_t offset = nftnl_expr_get_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET);
	uint32_t length = nftnl_expr_get_u32(e, NFTNL_EXPR_PAYLOAD_LEN);
	const uint16_t port = htons(m->packet->to_port);
	struct header h = {0};

	if (base == NFT_PAYLOAD_NETWORK_HEADER)
		network_header(&h, m->packet);
	else if (base == NFT_PAYLOAD_TRANSPORT_HEADER)
		header_put(&h, 2, &port, sizeof port);
	bool known = offset <= HEADER_BYTES && length <= HEADER_BYTES - offset;
	for (uint32_t i = 0; known && i < length; i++)
		known = h.known[offset + i];
	put(m, nftnl_expr_get_u32(e, NFTNL_EXPR_PAYLOAD_DREG), h.bytes + (known ? offset : 0), length, known);
}

static void load_meta(struct matching *m, const struct nftnl_expr *e)
{
	uint8_t nfproto = m->packet->to.family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6, none[16] = {0};
	uint32_t key = nftnl_expr_get_u32(e, NFTNL_EXPR_META_KEY);
	uint32_t reg = nftnl_expr_get_u32(e, NFTNL_EXPR_META_DREG);

	if (!nftnl_expr_is_set(e, NFTNL_EXPR_META_DREG))
		return;
	if (key == NFT_META_L4PROTO)
		put(m, reg, &m->packet->proto, 1, true);
	else if (key == NFT_META_NFPROTO)
		put(m, reg, &nfproto, 1, true);
	else
		put(m, reg, none, sizeof none, false);
}

static void load_ct(struct matching *m, const struct nftnl_expr *e)
{
	uint32_t state = CT_STATE_NEW, reg = nftnl_expr_get_u32(e, NFTNL_EXPR_CT_DREG);
	uint8_t none[16] = {0};

	if (!nftnl_expr_is_set(e, NFTNL_EXPR_CT_DREG))
		return;
	if (nftnl_expr_get_u32(e, NFTNL_EXPR_CT_KEY) == NFT_CT_STATE)
		put(m, reg, &state, sizeof state, true);
	else
		put(m, reg, none, sizeof none, false);
}

static void load_bitwise(struct matching *m, const struct nftnl_expr *e)
{
	uint32_t length = nftnl_expr_get_u32(e, NFTNL_EXPR_BITWISE_LEN), mask_bytes = 0, xor_bytes = 0;
	uint32_t from = nftnl_expr_get_u32(e, NFTNL_EXPR_BITWISE_SREG);
	const uint8_t *mask = nftnl_expr_get(e, NFTNL_EXPR_BITWISE_MASK, &mask_bytes);
	const uint8_t * xor = nftnl_expr_get(e, NFTNL_EXPR_BITWISE_XOR, &xor_bytes);
	uint8_t result[16] = {0};
	bool known = mask != NULL && xor != NULL &&mask_bytes >= length &&xor_bytes >= length &&length <=
						     sizeof result &&is_known(m, from, length);

	for (uint32_t i = 0; known && i < length; i++)
		result[i] = (uint8_t)((m->bytes[register_at(from) + i] & mask[i]) ^ xor[i]);
	put(m, nftnl_expr_get_u32(e, NFTNL_EXPR_BITWISE_DREG), result, length <= sizeof result ? length : 16, known);
}

/* ---- comparisons ---- */

static void matched(struct matching *m, enum match match)
{
	if (match < m->result.match)
		m->result.match = match;
	m->over = match == MATCH_NO;
}

static bool holds(uint32_t op, int order)
{
	switch (op) {
	case NFT_CMP_EQ:
		return order == 0;
	case NFT_CMP_NEQ:
		return order != 0;
	case NFT_CMP_LT:
		return order < 0;
	case NFT_CMP_LTE:
		return order <= 0;
	case NFT_CMP_GT:
		return order > 0;
	default:
		return order >= 0;
	}
}

static void compare(struct matching *m, const struct nftnl_expr *e)
{
	uint32_t length = 0, reg = nftnl_expr_get_u32(e, NFTNL_EXPR_CMP_SREG);
	const void *data = nftnl_expr_get(e, NFTNL_EXPR_CMP_DATA, &length);

	if (data == NULL || !is_known(m, reg, length))
		matched(m, MATCH_MAYBE);
	else
		matched(m, holds(nftnl_expr_get_u32(e, NFTNL_EXPR_CMP_OP),
				 memcmp(m->bytes + register_at(reg), data, length))
				   ? MATCH_YES
				   : MATCH_NO);
}

static void compare_range(struct matching *m, const struct nftnl_expr *e)
{
	uint32_t length = 0, to_length = 0, reg = nftnl_expr_get_u32(e, NFTNL_EXPR_RANGE_SREG);
	const void *from = nftnl_expr_get(e, NFTNL_EXPR_RANGE_FROM_DATA, &length);
	const void *to = nftnl_expr_get(e, NFTNL_EXPR_RANGE_TO_DATA, &to_length);
	bool negated = nftnl_expr_get_u32(e, NFTNL_EXPR_RANGE_OP) == NFT_RANGE_NEQ;

	if (from == NULL || to == NULL || length != to_length || !is_known(m, reg, length)) {
		matched(m, MATCH_MAYBE);
		return;
	}
	const uint8_t *value = m->bytes + register_at(reg);
	bool inside = memcmp(value, from, length) >= 0 && memcmp(value, to, length) <= 0;
	matched(m, inside != negated ? MATCH_YES : MATCH_NO);
}

/* ---- verdicts ---- */

static void ends(struct matching *m, enum match_verdict verdict)
{
	m->result.verdict = verdict;
	m->over = true;
}

static void immediate(struct matching *m, const struct nftnl_expr *e)
{
	if (nftnl_expr_get_u32(e, NFTNL_EXPR_IMM_DREG) != NFT_REG_VERDICT ||
	    !nftnl_expr_is_set(e, NFTNL_EXPR_IMM_VERDICT))
		return;
	m->result.chain = nftnl_expr_get_str(e, NFTNL_EXPR_IMM_CHAIN);
	switch ((int32_t)nftnl_expr_get_u32(e, NFTNL_EXPR_IMM_VERDICT)) {
	case NF_ACCEPT:
		return ends(m, MATCH_ACCEPT);
	case NF_DROP:
		return ends(m, MATCH_DROP);
	case NFT_JUMP:
		return ends(m, MATCH_JUMP);
	case NFT_GOTO:
		return ends(m, MATCH_GOTO);
	case NFT_RETURN:
		return ends(m, MATCH_RETURN);
	default:
		return ends(m, MATCH_CONTINUE);
	}
}

/* iptables-nft: REJECT is one of its targets; what else they do is not known. */
static void target(struct matching *m, const struct nftnl_expr *e)
{
	const char *name = nftnl_expr_get_str(e, NFTNL_EXPR_TG_NAME);

	if (name != NULL && strcmp(name, "REJECT") == 0)
		ends(m, MATCH_DROP);
}

/* Expressions that neither compare nor end the rule. */
static bool is_harmless(const char *name)
{
	static const char *const names[] = {"counter", "log", "notrack", "nat", "masq", "redir", "last", "immediate"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

static int each_expr(struct nftnl_expr *e, void *ctx)
{
	static const struct {
		const char *name;
		void (*run)(struct matching *m, const struct nftnl_expr *e);
	} known[] = {{"payload", load_payload}, {"meta", load_meta}, {"ct", load_ct},
		     {"bitwise", load_bitwise}, {"cmp", compare},    {"range", compare_range},
		     {"immediate", immediate},	{"target", target}};
	const char *name = nftnl_expr_get_str(e, NFTNL_EXPR_NAME);
	struct matching *m = ctx;

	if (m->over || name == NULL)
		return 0;
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (strcmp(name, known[i].name) == 0) {
			known[i].run(m, e);
			return 0;
		}
	if (strcmp(name, "reject") == 0)
		ends(m, MATCH_DROP);
	else if (!is_harmless(name))
		matched(m, MATCH_MAYBE); /* a set, a limit, a match of iptables … */
	return 0;
}

struct match_result rule_match(const struct nftnl_rule *rule, const struct match_packet *p)
{
	struct matching m = {.packet = p, .result = {.match = MATCH_YES}};

	nftnl_expr_foreach((struct nftnl_rule *)(uintptr_t)rule, each_expr, &m);
	return m.result;
}
