/*
 * Any rule of another table, as far as libnftnl can hold it, for a packet whose sender is known or not: what is certain
 * without the sender is so with each. (Messages of a rule are libnftnl's to parse, which ends the process where they
 * are not the kernel's.)
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <linux/netfilter/nf_tables.h>

#include "nft/rule_match.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define EXPRESSIONS_MAX 32
#define DATA_MAX 64 /* NFT_DATA_VALUE_MAXLEN */

static void must(bool holds)
{
	if (!holds)
		abort();
}

struct input {
	const uint8_t *at, *end;
};

static uint32_t number(struct input *in)
{
	const uint32_t byte = in->at < in->end ? *in->at++ : 0;

	return byte < 0xf0 ? byte : byte << 24 | byte; /* few are large */
}

static void data_set(struct nftnl_expr *e, uint16_t attribute, struct input *in)
{
	const size_t want = number(in) % (DATA_MAX + 1), left = (size_t)(in->end - in->at);
	const size_t length = want < left ? want : left;

	if (length != 0)
		nftnl_expr_set(e, attribute, in->at, (uint32_t)length);
	in->at += length;
}

struct shape {
	const char *name;
	uint16_t numbers[5], datas[2]; /* 0: no more */
};

static const struct shape shapes[] = {
	{"payload",
	 {NFTNL_EXPR_PAYLOAD_BASE, NFTNL_EXPR_PAYLOAD_OFFSET, NFTNL_EXPR_PAYLOAD_LEN, NFTNL_EXPR_PAYLOAD_DREG},
	 {0}},
	{"meta", {NFTNL_EXPR_META_KEY, NFTNL_EXPR_META_DREG}, {0}},
	{"ct", {NFTNL_EXPR_CT_KEY, NFTNL_EXPR_CT_DREG}, {0}},
	{"bitwise",
	 {NFTNL_EXPR_BITWISE_SREG, NFTNL_EXPR_BITWISE_DREG, NFTNL_EXPR_BITWISE_LEN},
	 {NFTNL_EXPR_BITWISE_MASK, NFTNL_EXPR_BITWISE_XOR}},
	{"cmp", {NFTNL_EXPR_CMP_SREG, NFTNL_EXPR_CMP_OP}, {NFTNL_EXPR_CMP_DATA}},
	{"range", {NFTNL_EXPR_RANGE_SREG, NFTNL_EXPR_RANGE_OP}, {NFTNL_EXPR_RANGE_FROM_DATA, NFTNL_EXPR_RANGE_TO_DATA}},
	{"immediate", {NFTNL_EXPR_IMM_DREG, NFTNL_EXPR_IMM_VERDICT}, {0}},
	{"lookup", {NFTNL_EXPR_LOOKUP_SREG}, {0}},
	{"counter", {0}, {0}},
	{"reject", {0}, {0}},
	{"target", {0}, {0}},
};

static void expression_add(struct nftnl_rule *rule, struct input *in)
{
	const struct shape *s = &shapes[number(in) % (sizeof shapes / sizeof *shapes)];
	struct nftnl_expr *e = nftnl_expr_alloc(s->name);
	const uint32_t skip = number(in); /* attributes that are not there */

	must(e != NULL);
	for (size_t i = 0; i < 5 && s->numbers[i] != 0; i++)
		if ((skip >> i & 1) == 0)
			nftnl_expr_set_u32(e, s->numbers[i], number(in));
	for (size_t i = 0; i < 2 && s->datas[i] != 0; i++)
		if ((skip >> (i + 5) & 1) == 0)
			data_set(e, s->datas[i], in);
	if (strcmp(s->name, "target") == 0 && (skip & 1) == 0)
		nftnl_expr_set_str(e, NFTNL_EXPR_TG_NAME, (skip & 2) != 0 ? "REJECT" : "LOG");
	nftnl_rule_add_expr(rule, e);
}

static struct match_result match(const struct nftnl_rule *rule, const struct match_packet *p)
{
	const struct match_result r = rule_match(rule, p);

	must(r.match <= MATCH_YES && r.verdict <= MATCH_RETURN && r.chain == NULL);
	return r;
}

static void check(const struct nftnl_rule *rule, struct match_packet packet, const struct addr *senders, size_t count)
{
	const struct match_result unknown = match(rule, &packet);

	for (size_t i = 0; i < count; i++) {
		packet.from = senders[i];
		const struct match_result known = match(rule, &packet);
		must(unknown.match == MATCH_MAYBE || known.match == unknown.match);
		must(unknown.match != MATCH_YES || known.verdict == unknown.verdict);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct addr senders4[] = {
		{AF_INET, {10, 0, 0, 1}}, {AF_INET, {0}}, {AF_INET, {255, 255, 255, 255}}};
	static const struct addr senders6[] = {{AF_INET6, {0xfd, 0x02}}, {AF_INET6, {0}}};
	struct input in = {data, data + size};
	struct nftnl_rule *rule = nftnl_rule_alloc();

	must(rule != NULL);
	for (int i = 0; i < EXPRESSIONS_MAX && in.at < in.end; i++)
		expression_add(rule, &in);
	check(rule, (struct match_packet){.to = {AF_INET, {10, 96, 0, 1}}, .proto = IPPROTO_TCP, .to_port = 80},
	      senders4, sizeof senders4 / sizeof *senders4);
	check(rule, (struct match_packet){.to = {AF_INET6, {0xfd}}, .proto = IPPROTO_UDP, .to_port = 53}, senders6,
	      sizeof senders6 / sizeof *senders6);
	nftnl_rule_free(rule);
	return 0;
}
