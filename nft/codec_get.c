/* Decodes set elements. */
#include <arpa/inet.h>
#include <endian.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "nft/codec_private.h"
#include "nft/names.h"
#include "nft/sets.h"

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

static const uint8_t *get_byte(const uint8_t *at, uint8_t *byte)
{
	*byte = *at;
	return at + FIELD_BYTES;
}

static const uint8_t *get_port(const uint8_t *at, uint16_t *port)
{
	memcpy(port, at, sizeof *port);
	*port = ntohs(*port);
	return at + FIELD_BYTES;
}

static const uint8_t *get_frontend(const uint8_t *at, int family, struct element *e)
{
	return get_port(get_byte(get_addr(at, family, &e->daddr), &e->proto), &e->port);
}

/* The key of SET_ALLOWED_SOURCES. False: its family is another one, so it matches nothing. */
static bool get_source(const uint8_t *at, int family, struct element *e)
{
	uint8_t nfproto = NFPROTO_IPV4;

	if (sets_ends_in_family(e->set, family)) {
		at = get_addr(get_frontend(at, family, e), family, &e->range.addr);
		get_byte(at, &nfproto);
	} else {
		at = get_addr(get_addr(at, family, &e->daddr), family, &e->range.addr);
		get_byte(get_port(at, &e->port), &e->proto);
	}
	e->range = cidr_host(&e->range.addr);
	return nfproto == NFPROTO_IPV4;
}

/* False: it is none that we write. */
static bool key_read(const uint8_t *at, int family, struct element *e)
{
	const struct sets_shape *shape = sets_shape(e->set);

	if (shape->range && shape->daddr)
		return get_source(at, family, e);
	if (shape->saddr_first) {
		at = get_addr(at, family, &e->range.addr);
		e->range = cidr_host(&e->range.addr);
	}
	if (shape->proto_port)
		at = get_frontend(at, family, e);
	else if (shape->daddr)
		at = get_addr(at, family, &e->daddr);
	if (shape->slot)
		memcpy(&e->slot, at, sizeof e->slot);
	if (shape->range) {
		get_addr(at, family, &e->range.addr);
		e->range = cidr_host(&e->range.addr);
	}
	return true;
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
	       number == codec_verdict_code(v);
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

/* Only the source of ours ranges. */
static bool range_read(const struct found *f, int family, struct element *e)
{
	struct element last = *e;

	if (!sets_shape(e->set)->range || f->key_end_bytes != f->key_bytes || !key_read(f->key_end, family, &last))
		return false;
	return addr_equal(&last.daddr, &e->daddr) && last.proto == e->proto && last.port == e->port &&
	       cidr_between(&e->range, &e->range.addr, &last.range.addr);
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
	if (!key_read(f.key, family, e))
		return false;
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
	return key_read(f.key, family, e);
}

bool codec_join(struct element *e, const struct addr *end)
{
	struct addr last = {.family = e->range.addr.family};

	if (end != NULL)
		last = *end;
	addr_previous(&last); /* without an end: the last of all */
	e->slot = 0;
	return cidr_between(&e->range, &e->range.addr, &last);
}
