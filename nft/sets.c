/* Describes the sets and maps of the ruleset. */
#include "nft/sets.h"

#include <stdio.h>
#include <stdlib.h>

#include <libnftnl/expr.h>
#include <libnftnl/set.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "base/mem.h"
#include "nft/names.h"
#include "nft/ruleset_config.h"
#include "nft/ruleset_objects.h"

/* The nft program's numbers of data types, six bits each in a concatenation; the kernel only stores them. */
enum { TYPE_NFPROTO = 2, TYPE_IPV4 = 7, TYPE_IPV6 = 8, TYPE_PROTO = 12, TYPE_SERVICE = 13, TYPE_MARK = 19 };
#define TYPE_BITS 6

static const struct sets_shape shapes[SET_COUNT] = {
	[SET_DISPATCH] = {.daddr = true, .proto_port = true, .counted = true, .value = VALUE_VERDICT},
	[SET_SOURCE_RANGES] = {.daddr = true, .proto_port = true, .value = VALUE_VERDICT},
	[SET_LOCAL] = {.daddr = true, .proto_port = true, .value = VALUE_VERDICT},
	[SET_INTERNAL] = {.daddr = true, .proto_port = true, .value = VALUE_VERDICT},
	[SET_ENDPOINTS] = {.daddr = true, .proto_port = true, .slot = true, .counted = true, .value = VALUE_ADDR_PORT},
	[SET_INTERNAL_ENDPOINTS] =
		{.daddr = true, .proto_port = true, .slot = true, .counted = true, .value = VALUE_ADDR_PORT},
	[SET_CLUSTER_IPS] = {.daddr = true},
	[SET_SERVICE_CIDRS] = {.range = true},
	[SET_ALLOWED_SOURCES] = {.daddr = true, .proto_port = true, .range = true},
	[SET_RESTRICTED] = {.daddr = true, .proto_port = true},
	[SET_AFFINITY_FRONTENDS] = {.daddr = true, .proto_port = true, .value = VALUE_VERDICT},
	[SET_AFFINITY] =
		{.saddr_first = true, .daddr = true, .proto_port = true, .packet_path = true, .value = VALUE_ADDR_PORT},
};

const struct sets_shape *sets_shape(enum set_id set)
{
	return &shapes[set];
}

/* ---- keys ---- */

bool sets_ends_in_family(enum set_id set, int family)
{
	return shapes[set].range && shapes[set].daddr && family == AF_INET;
}

bool sets_saddr_second(enum set_id set, int family)
{
	return shapes[set].range && shapes[set].daddr && family == AF_INET6;
}

struct key {
	uint32_t types[6];
	uint8_t bytes[6];
	int count;
};

static void key_add(struct key *k, uint32_t type, uint8_t bytes)
{
	k->types[k->count] = type;
	k->bytes[k->count++] = bytes;
}

static void key_add_addr(struct key *k, int family)
{
	if (family == AF_INET)
		key_add(k, TYPE_IPV4, 4);
	else
		key_add(k, TYPE_IPV6, 16);
}

static void key_add_proto_port(struct key *k, bool port_first)
{
	if (port_first)
		key_add(k, TYPE_SERVICE, 2);
	key_add(k, TYPE_PROTO, 1);
	if (!port_first)
		key_add(k, TYPE_SERVICE, 2);
}

/* The fields of a key, in order. */
static struct key key_fields(enum set_id set, int family)
{
	const struct sets_shape *shape = &shapes[set];
	const bool saddr_second = sets_saddr_second(set, family);
	struct key k = {.count = 0};

	if (shape->saddr_first)
		key_add_addr(&k, family);
	if (shape->daddr)
		key_add_addr(&k, family);
	if (saddr_second)
		key_add_addr(&k, family);
	if (shape->proto_port)
		key_add_proto_port(&k, saddr_second);
	if (shape->slot)
		key_add(&k, TYPE_MARK, 4);
	if (shape->range && !saddr_second)
		key_add_addr(&k, family);
	if (sets_ends_in_family(set, family))
		key_add(&k, TYPE_NFPROTO, 1);
	return k;
}

uint32_t sets_key_bytes(enum set_id set, int family)
{
	const struct key k = key_fields(set, family);
	uint32_t sum = 0;

	for (int i = 0; i < k.count; i++)
		sum += (k.bytes[i] + FIELD_BYTES - 1u) / FIELD_BYTES * FIELD_BYTES;
	return sum;
}

uint32_t sets_value_bytes(enum set_id set, int family)
{
	return shapes[set].value != VALUE_ADDR_PORT ? 0 : family == AF_INET ? 8 : 20;
}

static struct nftnl_set *set_new(const char *table, const char *name, struct ruleset *out)
{
	struct nftnl_set *s = mem_made(nftnl_set_alloc());

	out->sets = mem_grow(out->sets, out->set_count, &out->set_room, sizeof s);
	out->sets[out->set_count++] = s;
	nftnl_set_set_u32(s, NFTNL_SET_FAMILY, NFPROTO_INET);
	nftnl_set_set_str(s, NFTNL_SET_TABLE, table);
	nftnl_set_set_str(s, NFTNL_SET_NAME, name);
	/* Lets several sets of one transaction refer to each other; the kernel wants one, unique per batch. */
	nftnl_set_set_u32(s, NFTNL_SET_ID, (uint32_t)out->set_count);
	return s;
}

/*
 * The kernel searches ranges field by field (nft_set_pipapo.c), and goes through every element that is left after a
 * field, 9 ns each. With the frontend's fields in front all ranges of a frontend are left three times: 115 us for each
 * connection at 4 000 ranges (measured).
 *
 * IPv4: fields of the search need not be those of the key, which the nft program goes by. One of 16 bytes, the most
 * that may be, has all that matters: 0.5 us at any number. A search has two fields at least, hence the family. Other
 * widths would be slow, as there is vector code for a few only (12 bytes: 22 us).
 *
 * IPv6: what is left after the address of a frontend are its ranges, and after the client's a range of each port.
 */
static void put_search_fields(struct nftnl_set *s, const struct key *k, int family)
{
	static const uint8_t ipv4[] = {16, 4};

	if (family == AF_INET)
		nftnl_set_set_data(s, NFTNL_SET_DESC_CONCAT, ipv4, sizeof ipv4);
	else
		nftnl_set_set_data(s, NFTNL_SET_DESC_CONCAT, k->bytes, (uint32_t)k->count);
}

static void set_key(struct nftnl_set *s, enum set_id set, int family, uint32_t *flags)
{
	const struct key k = key_fields(set, family);
	uint32_t type = 0;

	for (int i = 0; i < k.count; i++)
		type = type << TYPE_BITS | k.types[i];
	nftnl_set_set_u32(s, NFTNL_SET_KEY_TYPE, type);
	nftnl_set_set_u32(s, NFTNL_SET_KEY_LEN, sets_key_bytes(set, family));
	if (!shapes[set].range)
		return;
	*flags |= NFT_SET_INTERVAL;
	if (k.count > 1) {
		*flags |= NFT_SET_CONCAT;
		put_search_fields(s, &k, family);
	}
}

static void set_value(struct nftnl_set *s, enum set_id set, int family, uint32_t *flags)
{
	uint32_t addr_type = family == AF_INET ? TYPE_IPV4 : TYPE_IPV6;

	if (shapes[set].value == VALUE_NONE)
		return;
	*flags |= NFT_SET_MAP;
	if (shapes[set].value == VALUE_VERDICT) {
		nftnl_set_set_u32(s, NFTNL_SET_DATA_TYPE, NFT_DATA_VERDICT);
		return;
	}
	nftnl_set_set_u32(s, NFTNL_SET_DATA_TYPE, addr_type << TYPE_BITS | TYPE_SERVICE);
	nftnl_set_set_u32(s, NFTNL_SET_DATA_LEN, sets_value_bytes(set, family));
}

static void build_set(const struct ruleset_config *sk, const char *table, const int which[2], struct ruleset *out)
{
	enum set_id set = (enum set_id)which[0];
	int family = which[1];
	char name[NAME_BYTES];
	struct nftnl_set *s = set_new(table, names_set(set, family, name), out);
	uint32_t flags = 0;

	set_key(s, set, family, &flags);
	set_value(s, set, family, &flags);
	if (shapes[set].packet_path) {
		flags |= NFT_SET_TIMEOUT | NFT_SET_EVAL;
		nftnl_set_set_u32(s, NFTNL_SET_DESC_SIZE, RULESET_AFFINITY_MAX);
	}
	nftnl_set_set_u32(s, NFTNL_SET_FLAGS, flags);
	if (sk->counters && shapes[set].counted)
		nftnl_set_add_expr(s, mem_made(nftnl_expr_alloc("counter")));
}

void sets_build_addresses(const char *table, const char *name, int family, uint32_t flags, struct ruleset *out)
{
	struct nftnl_set *s = set_new(table, name, out);

	set_key(s, SET_CLUSTER_IPS, family, &flags);
	nftnl_set_set_u32(s, NFTNL_SET_FLAGS, flags);
}

static void build_same_byte(const char *table, struct ruleset *out)
{
	struct nftnl_set *s = set_new(table, RULESET_SAME_BYTE, out);

	nftnl_set_set_u32(s, NFTNL_SET_KEY_TYPE, TYPE_PROTO << TYPE_BITS | TYPE_PROTO);
	nftnl_set_set_u32(s, NFTNL_SET_KEY_LEN, RULESET_SAME_BYTE_KEY_BYTES);
	nftnl_set_set_u32(s, NFTNL_SET_FLAGS, 0);
	/* Of known size it becomes a table that never resizes, which is found through faster. */
	nftnl_set_set_u32(s, NFTNL_SET_DESC_SIZE, RULESET_SAME_BYTES);
	for (uint32_t byte = 0; byte < RULESET_SAME_BYTES; byte++) {
		uint8_t pair[RULESET_SAME_BYTE_KEY_BYTES] = {[0] = (uint8_t)byte, [4] = (uint8_t)byte};
		struct nftnl_set_elem *e = mem_made(nftnl_set_elem_alloc());

		nftnl_set_elem_set(e, NFTNL_SET_ELEM_KEY, pair, sizeof pair);
		nftnl_set_elem_add(s, e);
	}
}

void sets_build(const struct ruleset_config *sk, const char *table, struct ruleset *out)
{
	for (int set = 0; set < SET_COUNT; set++) {
		build_set(sk, table, (int[2]){set, AF_INET}, out);
		build_set(sk, table, (int[2]){set, AF_INET6}, out);
	}
	build_same_byte(table, out);
}
