/* Encodes and decodes set elements. */
#include "nft/codec.h"

#include <arpa/inet.h>
#include <assert.h>
#include <endian.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "netlink/attrs.h"
#include "nft/names.h"
#include "nft/sets.h"

#define KEY_MAX_BYTES 64

/* ---- writing ---- */

static uint8_t *put_addr(uint8_t *at, const struct addr *a)
{
	memcpy(at, a->bytes, addr_bytes(a));
	return at + addr_bytes(a);
}

/* The last address of a prefix. */
static struct addr range_last(const struct cidr *range)
{
	struct addr last = range->addr;

	for (size_t bit = range->prefix; bit < 8 * addr_bytes(&last); bit++)
		last.bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	return last;
}

/* The address after the last; false when there is none. */
static bool range_end(const struct cidr *range, struct addr *end)
{
	*end = range_last(range);
	for (size_t i = addr_bytes(end); i-- > 0;)
		if (++end->bytes[i] != 0)
			return true;
	return false;
}

/* `edge` stands for e->range. Returns the key's length. */
static size_t key_write(const struct element *e, const struct addr *edge, uint8_t key[KEY_MAX_BYTES])
{
	const struct sets_shape *shape = sets_shape(e->set);
	uint8_t *at = key;

	memset(key, 0, KEY_MAX_BYTES);
	if (shape->saddr_first)
		at = put_addr(at, &e->range.addr);
	if (shape->daddr)
		at = put_addr(at, &e->daddr);
	if (shape->proto_port) {
		uint16_t port = htons(e->port);

		at[0] = e->proto;
		memcpy(at + 4, &port, sizeof port);
		at += 8;
	}
	if (shape->slot) {
		memcpy(at, &e->slot, sizeof e->slot); /* host order: it is compared with a number */
		at += sizeof e->slot;
	}
	if (shape->range)
		at = put_addr(at, edge);
	assert((size_t)(at - key) == sets_key_bytes(e->set, element_family(e)));
	return (size_t)(at - key);
}

static void put_data(struct nlmsghdr *nlh, uint16_t type, const void *bytes, size_t count)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, type);

	mnl_attr_put(nlh, NFTA_DATA_VALUE, count, bytes);
	mnl_attr_nest_end(nlh, nest);
}

static int verdict_code(const struct verdict *v)
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
	int code = verdict_code(&e->verdict);

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
	struct addr end;
	size_t bytes = key_write(e, &e->range.addr, key);

	put_data(nlh, NFTA_SET_ELEM_KEY, key, bytes);
	mnl_attr_nest_end(nlh, nest);
	if (!range_end(&e->range, &end))
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
		struct addr last = range_last(&e->range);

		key_write(e, &last, key);
		put_data(nlh, NFTA_SET_ELEM_KEY_END, key, bytes);
	}
	if (with_value)
		put_value(nlh, e, with_counter);
	mnl_attr_nest_end(nlh, nest);
}

/* ---- reading ---- */

struct attrs codec_elements(const struct nlmsghdr *nlh)
{
	return attrs_in(attrs_find(attrs_of(nlh, sizeof(struct nfgenmsg)), NFTA_SET_ELEM_LIST_ELEMENTS));
}

struct found {
	const uint8_t *key, *key_end, *data;
	size_t key_bytes, key_end_bytes, data_bytes;
	const struct nlattr *verdict, *expr;
	uint32_t flags;
};

static const uint8_t *data_value(const struct nlattr *nest, size_t *bytes)
{
	const struct nlattr *attr = attrs_find(attrs_in(nest), NFTA_DATA_VALUE);

	if (attr == NULL)
		return NULL;
	*bytes = mnl_attr_get_payload_len(attr);
	return mnl_attr_get_payload(attr);
}

static void collect(const struct nlattr *elem, struct found *f)
{
	struct attrs attrs = attrs_in(elem);
	const struct nlattr *attr;

	while ((attr = attrs_next(&attrs)) != NULL) {
		switch (mnl_attr_get_type(attr)) {
		case NFTA_SET_ELEM_KEY:
			f->key = data_value(attr, &f->key_bytes);
			break;
		case NFTA_SET_ELEM_KEY_END:
			f->key_end = data_value(attr, &f->key_end_bytes);
			break;
		case NFTA_SET_ELEM_DATA:
			f->data = data_value(attr, &f->data_bytes);
			f->verdict = attrs_find(attrs_in(attr), NFTA_DATA_VERDICT);
			break;
		case NFTA_SET_ELEM_EXPR:
		case NFTA_SET_ELEM_EXPRESSIONS: /* several: in that no name is found */
			f->expr = attr;
			break;
		case NFTA_SET_ELEM_FLAGS:
			attrs_number(attr, &f->flags, sizeof f->flags);
			break;
		default:
			break;
		}
	}
}

static const uint8_t *get_addr(const uint8_t *at, int family, struct addr *a)
{
	*a = (struct addr){.family = (uint8_t)family};
	memcpy(a->bytes, at, addr_bytes(a));
	return at + addr_bytes(a);
}

static void key_read(const uint8_t *at, int family, struct element *e)
{
	const struct sets_shape *shape = sets_shape(e->set);

	if (shape->saddr_first) {
		at = get_addr(at, family, &e->range.addr);
		e->range = cidr_host(&e->range.addr);
	}
	if (shape->daddr)
		at = get_addr(at, family, &e->daddr);
	if (shape->proto_port) {
		uint16_t port;

		e->proto = at[0];
		memcpy(&port, at + 4, sizeof port);
		e->port = ntohs(port);
		at += 8;
	}
	if (shape->slot) {
		memcpy(&e->slot, at, sizeof e->slot);
		at += sizeof e->slot;
	}
	if (shape->range) {
		get_addr(at, family, &e->range.addr);
		e->range.prefix = (uint8_t)(8 * addr_bytes(&e->range.addr));
	}
}

/* The first bit from which on `a` has only zeros and `last` only ones: the prefix of the range between them. */
static bool range_from_last(struct cidr *range, const struct addr *last)
{
	struct addr found;
	size_t bits = 8 * addr_bytes(last), prefix = bits;

	while (prefix > 0 && !(range->addr.bytes[(prefix - 1) / 8] & (0x80 >> (prefix - 1) % 8)) &&
	       last->bytes[(prefix - 1) / 8] & (0x80 >> (prefix - 1) % 8))
		prefix--;
	range->prefix = (uint8_t)prefix;
	found = range_last(range);
	return addr_equal(&found, last);
}

static bool verdict_read(const struct nlattr *nest, int family, struct verdict *v)
{
	const struct nlattr *code = attrs_find(attrs_in(nest), NFTA_VERDICT_CODE);
	const char *chain = attrs_text(attrs_find(attrs_in(nest), NFTA_VERDICT_CHAIN));
	int chain_family = family, number;
	uint32_t order;

	if (!attrs_number(code, &order, sizeof order))
		return false;
	number = (int)ntohl(order);
	*v = (struct verdict){.kind = number == NF_DROP ? VERDICT_DROP : VERDICT_BY_SOURCE};
	if (number == NF_DROP || number == NFT_RETURN)
		return true;
	return chain != NULL && names_chain_parse(chain, v, &chain_family) && chain_family == family &&
	       number == verdict_code(v);
}

/* False: something else than a counter, a limit for example, which would keep connections out. */
static bool counter_read(const struct nlattr *expr, struct element *e)
{
	const struct attrs data = attrs_in(attrs_find(attrs_in(expr), NFTA_EXPR_DATA));
	const char *name = attrs_text(attrs_find(attrs_in(expr), NFTA_EXPR_NAME));
	uint64_t bytes = 0, packets = 0;

	if (!sets_shape(e->set)->counted || name == NULL || strcmp(name, "counter") != 0)
		return false;
	attrs_number(attrs_find(data, NFTA_COUNTER_BYTES), &bytes, sizeof bytes);
	attrs_number(attrs_find(data, NFTA_COUNTER_PACKETS), &packets, sizeof packets);
	e->bytes = be64toh(bytes);
	e->packets = be64toh(packets);
	return true;
}

/* Only the last field of ours ranges. */
static bool range_read(const struct found *f, int family, struct element *e)
{
	struct element last = *e;

	if (!sets_shape(e->set)->range || f->key_end_bytes != f->key_bytes)
		return false;
	key_read(f->key_end, family, &last);
	return addr_equal(&last.daddr, &e->daddr) && last.proto == e->proto && last.port == e->port &&
	       range_from_last(&e->range, &last.range.addr);
}

static bool value_read(const struct found *f, int family, struct element *e)
{
	uint16_t port;

	switch (sets_shape(e->set)->value) {
	case VALUE_VERDICT:
		return f->verdict != NULL && verdict_read(f->verdict, family, &e->verdict);
	case VALUE_ADDR_PORT:
		if (f->data == NULL || f->data_bytes != sets_value_bytes(e->set, family))
			return false;
		memcpy(&port, get_addr(f->data, family, &e->to), sizeof port);
		e->to_port = ntohs(port);
		return true;
	default:
		return true;
	}
}

bool codec_get(const struct nlattr *attr, enum set_id set, int family, struct element *e, bool *interval_end)
{
	struct found f = {0};

	*e = (struct element){.set = (uint8_t)set};
	collect(attr, &f);
	*interval_end = ntohl(f.flags) & NFT_SET_ELEM_INTERVAL_END;
	if (f.key == NULL || f.key_bytes != sets_key_bytes(set, family))
		return false;
	key_read(f.key, family, e);
	if (f.key_end != NULL && !range_read(&f, family, e))
		return false;
	if (f.expr != NULL && !counter_read(f.expr, e))
		return false;
	return value_read(&f, family, e);
}

bool codec_get_key(const struct nlattr *attr, enum set_id set, int family, struct element *e)
{
	struct found f = {0};

	*e = (struct element){.set = (uint8_t)set};
	collect(attr, &f);
	if (f.key == NULL || f.key_bytes != sets_key_bytes(set, family))
		return false;
	key_read(f.key, family, e);
	return true;
}

bool codec_join(struct element *e, const struct addr *end)
{
	struct addr last = {.family = e->range.addr.family};

	if (end != NULL)
		last = *end;
	for (size_t i = addr_bytes(&last); i-- > 0;) /* one less; without an end this wraps to all ones */
		if (last.bytes[i]-- != 0)
			break;
	e->slot = 0;
	return range_from_last(&e->range, &last);
}
