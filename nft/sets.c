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
enum { TYPE_IPV4 = 7, TYPE_IPV6 = 8, TYPE_PROTO = 12, TYPE_SERVICE = 13, TYPE_MARK = 19 };
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

/* Bytes of the fields of a key, in order; returns how many fields. */
static int key_fields(enum set_id set, int family, uint32_t types[6], uint8_t bytes[6])
{
	const struct sets_shape *shape = &shapes[set];
	uint8_t addr_bytes = family == AF_INET ? 4 : 16;
	uint32_t addr_type = family == AF_INET ? TYPE_IPV4 : TYPE_IPV6;
	int count = 0;

	if (shape->saddr_first)
		types[count] = addr_type, bytes[count++] = addr_bytes;
	if (shape->daddr)
		types[count] = addr_type, bytes[count++] = addr_bytes;
	if (shape->proto_port) {
		types[count] = TYPE_PROTO, bytes[count++] = 1;
		types[count] = TYPE_SERVICE, bytes[count++] = 2;
	}
	if (shape->slot)
		types[count] = TYPE_MARK, bytes[count++] = 4;
	if (shape->range)
		types[count] = addr_type, bytes[count++] = addr_bytes;
	return count;
}

static uint32_t padded(uint32_t bytes)
{
	return (bytes + 3) / 4 * 4;
}

uint32_t sets_key_bytes(enum set_id set, int family)
{
	uint32_t types[6], sum = 0;
	uint8_t bytes[6];
	int count = key_fields(set, family, types, bytes);

	for (int i = 0; i < count; i++)
		sum += padded(bytes[i]);
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

static void set_key(struct nftnl_set *s, enum set_id set, int family, uint32_t *flags)
{
	uint32_t types[6], type = 0;
	uint8_t bytes[6];
	int count = key_fields(set, family, types, bytes);

	for (int i = 0; i < count; i++)
		type = type << TYPE_BITS | types[i];
	nftnl_set_set_u32(s, NFTNL_SET_KEY_TYPE, type);
	nftnl_set_set_u32(s, NFTNL_SET_KEY_LEN, sets_key_bytes(set, family));
	if (!shapes[set].range)
		return;
	*flags |= NFT_SET_INTERVAL;
	if (count > 1) {
		*flags |= NFT_SET_CONCAT;
		nftnl_set_set_data(s, NFTNL_SET_DESC_CONCAT, bytes, (uint32_t)count);
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
