/* Encodes set elements. */
#include <arpa/inet.h>
#include <assert.h>
#include <endian.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "nft/codec_private.h"
#include "nft/names.h"
#include "nft/sets.h"

#define KEY_MAX_BYTES 64

static uint8_t *put_addr(uint8_t *at, const struct addr *a)
{
	memcpy(at, a->bytes, addr_bytes(a));
	return at + addr_bytes(a);
}

static uint8_t *put_byte(uint8_t *at, uint8_t byte)
{
	*at = byte;
	return at + FIELD_BYTES;
}

static uint8_t *put_port(uint8_t *at, uint16_t port)
{
	const uint16_t order = htons(port);

	memcpy(at, &order, sizeof order);
	return at + FIELD_BYTES;
}

static uint8_t *put_frontend(uint8_t *at, const struct element *e)
{
	return put_port(put_byte(put_addr(at, &e->daddr), e->proto), e->port);
}

/* The key of SET_ALLOWED_SOURCES. */
static uint8_t *put_source(uint8_t *at, const struct element *e, const struct addr *source)
{
	if (sets_ends_in_family(e->set, element_family(e)))
		return put_byte(put_addr(put_frontend(at, e), source), NFPROTO_IPV4);
	return put_byte(put_port(put_addr(put_addr(at, &e->daddr), source), e->port), e->proto);
}

/* `edge` stands for e->range. */
static uint8_t *put_key(uint8_t *at, const struct element *e, const struct addr *edge)
{
	const struct sets_shape *shape = sets_shape(e->set);

	if (shape->range && shape->daddr)
		return put_source(at, e, edge);
	if (shape->saddr_first)
		at = put_addr(at, &e->range.addr);
	if (shape->proto_port)
		at = put_frontend(at, e);
	else if (shape->daddr)
		at = put_addr(at, &e->daddr);
	if (shape->slot) {
		memcpy(at, &e->slot, sizeof e->slot); /* host order: it is compared with a number */
		at += sizeof e->slot;
	}
	return shape->range ? put_addr(at, edge) : at;
}

/* Returns the key's length. */
static size_t key_write(const struct element *e, const struct addr *edge, uint8_t key[KEY_MAX_BYTES])
{
	memset(key, 0, KEY_MAX_BYTES);
	const size_t bytes = (size_t)(put_key(key, e, edge) - key);
	assert(bytes == sets_key_bytes(e->set, element_family(e)));
	return bytes;
}

static void put_data(struct nlmsghdr *nlh, uint16_t type, const void *bytes, size_t count)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, type);

	mnl_attr_put(nlh, NFTA_DATA_VALUE, count, bytes);
	mnl_attr_nest_end(nlh, nest);
}

int codec_verdict_code(const struct verdict *v)
{
	switch (v->kind) {
	case VERDICT_DROP:
		return NF_DROP;
	case VERDICT_BY_SOURCE:
		return NFT_RETURN;
	case VERDICT_AFFINITY_RECORD:
		return NFT_JUMP;
	default:
		return NFT_GOTO;
	}
}

static void put_verdict(struct nlmsghdr *nlh, const struct element *e)
{
	struct nlattr *data = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_DATA);
	struct nlattr *verdict = mnl_attr_nest_start(nlh, NFTA_DATA_VERDICT);
	char chain[NAME_BYTES];
	int code = codec_verdict_code(&e->verdict);

	assert(e->verdict.kind != VERDICT_NONE);
	mnl_attr_put_u32(nlh, NFTA_VERDICT_CODE, htonl((uint32_t)code));
	if (code == NFT_JUMP || code == NFT_GOTO)
		mnl_attr_put_strz(nlh, NFTA_VERDICT_CHAIN, names_chain(&e->verdict, element_family(e), chain));
	mnl_attr_nest_end(nlh, verdict);
	mnl_attr_nest_end(nlh, data);
}

static void put_target(struct nlmsghdr *nlh, const struct element *e)
{
	uint8_t data[20] = {0};
	uint8_t *at = put_addr(data, &e->to);
	uint16_t port = htons(e->to_port);

	memcpy(at, &port, sizeof port);
	put_data(nlh, NFTA_SET_ELEM_DATA, data, sets_value_bytes(e->set, element_family(e)));
}

static void put_counter(struct nlmsghdr *nlh, const struct element *e)
{
	struct nlattr *expr = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_EXPR);
	struct nlattr *data;

	mnl_attr_put_strz(nlh, NFTA_EXPR_NAME, "counter");
	data = mnl_attr_nest_start(nlh, NFTA_EXPR_DATA);
	mnl_attr_put_u64(nlh, NFTA_COUNTER_BYTES, htobe64(e->bytes));
	mnl_attr_put_u64(nlh, NFTA_COUNTER_PACKETS, htobe64(e->packets));
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, expr);
}

static void put_value(struct nlmsghdr *nlh, const struct element *e, bool with_counter)
{
	const struct sets_shape *shape = sets_shape(e->set);

	if (shape->value == VALUE_VERDICT)
		put_verdict(nlh, e);
	else if (shape->value == VALUE_ADDR_PORT)
		put_target(nlh, e);
	/* Without one the kernel starts the counter that the set asks for at zero. */
	if (with_counter && shape->counted && (e->packets != 0 || e->bytes != 0))
		put_counter(nlh, e);
}

static void put_prefix(struct nlmsghdr *nlh, const struct element *e)
{
	uint8_t key[KEY_MAX_BYTES];
	struct nlattr *nest = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
	struct addr end = cidr_last(&e->range);
	size_t bytes = key_write(e, &e->range.addr, key);

	put_data(nlh, NFTA_SET_ELEM_KEY, key, bytes);
	mnl_attr_nest_end(nlh, nest);
	if (!addr_next(&end))
		return; /* open to the end of the address space */
	nest = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
	key_write(e, &end, key);
	put_data(nlh, NFTA_SET_ELEM_KEY, key, bytes);
	mnl_attr_put_u32(nlh, NFTA_SET_ELEM_FLAGS, htonl(NFT_SET_ELEM_INTERVAL_END));
	mnl_attr_nest_end(nlh, nest);
}

void codec_put(struct nlmsghdr *nlh, const struct element *e, bool with_value, bool with_counter)
{
	const struct sets_shape *shape = sets_shape(e->set);
	uint8_t key[KEY_MAX_BYTES];
	struct nlattr *nest;
	size_t bytes;

	if (shape->range && !shape->daddr) {
		put_prefix(nlh, e);
		return;
	}
	nest = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
	bytes = key_write(e, &e->range.addr, key);
	put_data(nlh, NFTA_SET_ELEM_KEY, key, bytes);
	if (shape->range) {
		const struct addr last = cidr_last(&e->range);

		key_write(e, &last, key);
		put_data(nlh, NFTA_SET_ELEM_KEY_END, key, bytes);
	}
	if (with_value)
		put_value(nlh, e, with_counter);
	mnl_attr_nest_end(nlh, nest);
}
