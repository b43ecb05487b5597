/* Rules of other tables, as the kernel would hand them over, for one packet: does it match, might it? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "nft/rule_match.h"

#define REGISTER 1 /* NFT_REG_1 */

static struct nftnl_rule *rule;

static struct match_packet packet(const char *from, const char *to)
{
	struct match_packet p = {.proto = IPPROTO_TCP, .to_port = 8080};

	if (from != NULL)
		assert_true(addr_parse(&p.from, from));
	assert_true(addr_parse(&p.to, to));
	return p;
}

static struct nftnl_expr *add(const char *name)
{
	struct nftnl_expr *e = nftnl_expr_alloc(name);

	assert_non_null(e);
	nftnl_rule_add_expr(rule, e);
	return e;
}

static void payload(uint32_t base, uint32_t offset, uint32_t length)
{
	struct nftnl_expr *e = add("payload");

	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_BASE, base);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_LEN, length);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_DREG, REGISTER);
}

static void meta(uint32_t key)
{
	struct nftnl_expr *e = add("meta");

	nftnl_expr_set_u32(e, NFTNL_EXPR_META_KEY, key);
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_DREG, REGISTER);
}

static void cmp(uint32_t op, const void *data, uint32_t length)
{
	struct nftnl_expr *e = add("cmp");

	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_SREG, REGISTER);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_OP, op);
	nftnl_expr_set(e, NFTNL_EXPR_CMP_DATA, data, length);
}

static void verdict(int code)
{
	struct nftnl_expr *e = add("immediate");

	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_VERDICT, (uint32_t)code);
}

static void begin(void)
{
	rule = nftnl_rule_alloc();
	assert_non_null(rule);
}

static void is(const struct match_packet *p, enum match match, enum match_verdict verdict)
{
	const struct match_result r = rule_match(rule, p);

	assert_int_equal(r.match, match);
	if (match != MATCH_NO)
		assert_int_equal(r.verdict, verdict);
}

static void end(void)
{
	nftnl_rule_free(rule);
	rule = NULL;
}

/* ip saddr 10.0.0.0/8 drop: one byte of the address */
static void test_addresses(void **state)
{
	const uint8_t ten = 10;
	struct match_packet in = packet("10.1.2.3", "10.244.0.1"), out = packet("192.0.2.1", "10.244.0.1"),
			    unknown = packet(NULL, "10.244.0.1");

	(void)state;
	begin();
	payload(NFT_PAYLOAD_NETWORK_HEADER, 12, 1);
	cmp(NFT_CMP_EQ, &ten, 1);
	verdict(NF_DROP);
	is(&in, MATCH_YES, MATCH_DROP);
	is(&out, MATCH_NO, MATCH_DROP);
	is(&unknown, MATCH_MAYBE, MATCH_DROP);
	end();
}

static void test_ports_and_protocols(void **state)
{
	const uint16_t port = htons(8080), other = htons(80);
	const uint8_t udp = IPPROTO_UDP;
	struct match_packet p = packet("10.1.2.3", "fd00::1");

	(void)state;
	begin();
	payload(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2);
	cmp(NFT_CMP_EQ, &port, 2);
	verdict(NF_ACCEPT);
	is(&p, MATCH_YES, MATCH_ACCEPT);
	end();
	begin();
	payload(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2);
	cmp(NFT_CMP_LTE, &other, 2);
	verdict(NF_DROP);
	is(&p, MATCH_NO, MATCH_DROP);
	end();
	begin();
	meta(NFT_META_L4PROTO);
	cmp(NFT_CMP_NEQ, &udp, 1);
	verdict(NF_DROP);
	is(&p, MATCH_YES, MATCH_DROP);
	end();
	begin(); /* the source port is not known */
	payload(NFT_PAYLOAD_TRANSPORT_HEADER, 0, 2);
	cmp(NFT_CMP_EQ, &port, 2);
	verdict(NF_DROP);
	is(&p, MATCH_MAYBE, MATCH_DROP);
	end();
}

/* ct state established accept: the packet in question opens a connection. */
static void test_connection_state(void **state)
{
	const uint32_t established = 2, zero = 0;
	struct match_packet p = packet("10.1.2.3", "10.244.0.1");
	struct nftnl_expr *e;

	(void)state;
	begin();
	e = add("ct");
	nftnl_expr_set_u32(e, NFTNL_EXPR_CT_KEY, NFT_CT_STATE);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CT_DREG, REGISTER);
	e = add("bitwise");
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_SREG, REGISTER);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_DREG, REGISTER);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_LEN, sizeof established);
	nftnl_expr_set(e, NFTNL_EXPR_BITWISE_MASK, &established, sizeof established);
	nftnl_expr_set(e, NFTNL_EXPR_BITWISE_XOR, &zero, sizeof zero);
	cmp(NFT_CMP_NEQ, &zero, sizeof zero);
	verdict(NF_ACCEPT);
	is(&p, MATCH_NO, MATCH_ACCEPT);
	end();
}

/* Interfaces, limits and sets are not known here; a counter changes nothing. */
static void test_unknown_things(void **state)
{
	const uint32_t index = 3;
	struct match_packet p = packet("10.1.2.3", "10.244.0.1");

	(void)state;
	begin();
	add("counter");
	verdict(NF_DROP);
	is(&p, MATCH_YES, MATCH_DROP);
	end();
	begin();
	meta(NFT_META_IIF);
	cmp(NFT_CMP_EQ, &index, sizeof index);
	verdict(NF_DROP);
	is(&p, MATCH_MAYBE, MATCH_DROP);
	end();
	begin();
	add("limit");
	verdict(NF_DROP);
	is(&p, MATCH_MAYBE, MATCH_DROP);
	end();
	begin();
	add("reject");
	is(&p, MATCH_YES, MATCH_DROP);
	end();
	begin(); /* a rule that only counts */
	add("counter");
	is(&p, MATCH_YES, MATCH_CONTINUE);
	end();
}

/* A register that no register is: nothing is read or written beside them. */
static void test_odd_registers(void **state)
{
	const uint8_t bytes[16] = {0};
	struct match_packet p = packet("10.1.2.3", "10.244.0.1");
	struct nftnl_expr *e;

	(void)state;
	begin();
	payload(NFT_PAYLOAD_NETWORK_HEADER, 4000000000u, 4000000000u);
	e = add("cmp");
	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_SREG, 4000000000u);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_OP, NFT_CMP_EQ);
	nftnl_expr_set(e, NFTNL_EXPR_CMP_DATA, bytes, sizeof bytes);
	verdict(NF_DROP);
	is(&p, MATCH_MAYBE, MATCH_DROP);
	end();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),	 cmocka_unit_test(test_ports_and_protocols),
		cmocka_unit_test(test_connection_state), cmocka_unit_test(test_unknown_things),
		cmocka_unit_test(test_odd_registers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
