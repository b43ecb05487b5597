/* Packs objects into flat bytes and unpacks them. */
#include "watch/decode/decode_pack.h"

#include <string.h>
#include <sys/socket.h>

#include "base/hash.h"

#define HEADER_BYTES 8
#define RECENT_STRINGS 8

/*
 * One walk over an object's fields, in either direction: packing reads the object and writes bytes, unpacking reads
 * bytes and fills the object. The first malformed byte makes `bad` stick; then every integer reads as 0.
 */
struct codec {
	bool packing, bad;
	/* packing */
	struct pack *pack;
	size_t arena_bytes;
	size_t recent[RECENT_STRINGS]; /* offset + 1 of strings just written: node names and zones repeat */
	unsigned recent_at;
	/* unpacking */
	const uint8_t *at, *end;
	const char *strings;
	size_t strings_bytes;
	struct arena *arena;
};

static size_t aligned(size_t bytes)
{
	return (bytes + 15) & ~(size_t)15;
}

static void write_integer(struct codec *c, uint64_t x)
{
	uint8_t bytes[10];
	size_t n = 0;

	for (; x >= 0x80; x >>= 7)
		bytes[n++] = (uint8_t)(x | 0x80);
	bytes[n++] = (uint8_t)x;
	buf_add(&c->pack->bytes, bytes, n);
}

static uint64_t read_integer(struct codec *c, uint64_t max)
{
	uint64_t x = 0;

	for (unsigned shift = 0; shift < 63 && !c->bad; shift += 7) {
		if (c->at == c->end)
			break;
		uint8_t byte = *c->at++;
		x |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80 && x <= max)
			return x;
		if (byte < 0x80)
			break;
	}
	c->bad = true;
	return 0;
}

static uint64_t integer(struct codec *c, uint64_t x, uint64_t max)
{
	if (!c->packing)
		return read_integer(c, max);
	write_integer(c, x);
	return x;
}

/* Packing never writes to the object: it may be anyone's constant. */
#define INTEGER(c, type, field, max)                                  \
	do {                                                          \
		uint64_t x_ = integer((c), (uint64_t)(field), (max)); \
		if (!(c)->packing)                                    \
			(field) = (type)x_;                           \
	} while (0)
#define BOOLEAN(c, field)                               \
	do {                                            \
		uint64_t x_ = integer((c), (field), 1); \
		if (!(c)->packing)                      \
			(field) = x_ != 0;              \
	} while (0)

static size_t recent_find(const struct codec *c, const char *s, size_t bytes)
{
	for (unsigned i = 0; i < RECENT_STRINGS; i++)
		if (c->recent[i] != 0 && c->recent[i] - 1 + bytes <= c->pack->strings.length_bytes &&
		    memcmp(c->pack->strings.data + c->recent[i] - 1, s, bytes) == 0)
			return c->recent[i];
	return 0;
}

static void write_string(struct codec *c, const char *s)
{
	size_t bytes = s != NULL ? strlen(s) + 1 : 0;
	size_t ref = s != NULL ? recent_find(c, s, bytes) : 0;

	if (s != NULL && ref == 0) {
		ref = c->pack->strings.length_bytes + 1;
		buf_add(&c->pack->strings, s, bytes);
		c->recent[c->recent_at++ % RECENT_STRINGS] = ref;
	}
	write_integer(c, ref);
}

static void string(struct codec *c, const char **s, bool may_be_null)
{
	if (c->packing) {
		write_string(c, *s);
		return;
	}
	size_t ref = (size_t)read_integer(c, c->strings_bytes);
	if (ref == 0 && !may_be_null)
		c->bad = true;
	*s = ref != 0 ? c->strings + ref - 1 : may_be_null ? NULL : "";
}

static void addr(struct codec *c, struct addr *a)
{
	unsigned short family = a->family;
	size_t n;

	INTEGER(c, unsigned short, family, UINT8_MAX);
	n = family == AF_INET ? 4 : family == AF_INET6 ? 16 : 0;
	if (c->packing) {
		buf_add(&c->pack->bytes, a->bytes, n);
		return;
	}
	*a = (struct addr){0};
	if ((family != 0 && n == 0) || (size_t)(c->end - c->at) < n) {
		c->bad = true;
		return;
	}
	a->family = (uint8_t)family;
	memcpy(a->bytes, c->at, n);
	c->at += n;
}

static void cidr(struct codec *c, struct cidr *r)
{
	addr(c, &r->addr);
	INTEGER(c, uint8_t, r->prefix, addr_bytes(&r->addr) * 8);
}

/* Every element takes at least one byte, so a count beyond what is left is a lie. */
static void *array_new(struct codec *c, size_t *count, size_t item_bytes)
{
	*count = (size_t)read_integer(c, (uint64_t)(c->end - c->at));
	return *count != 0 ? arena_array(c->arena, *count, item_bytes) : NULL;
}

static void *array_old(struct codec *c, const void *items, size_t count, size_t item_bytes)
{
	write_integer(c, count);
	c->arena_bytes += aligned(count * item_bytes);
	return (void *)(uintptr_t)items;
}

#define ARRAY(c, type, items, count, walk)                                                 \
	do {                                                                               \
		type *all_ = (c)->packing ? array_old((c), (items), (count), sizeof(type)) \
					  : array_new((c), &(count), sizeof(type));        \
		if (!(c)->packing)                                                         \
			(items) = all_;                                                    \
		for (size_t i_ = 0; i_ < (count) && !(c)->bad; i_++)                       \
			walk((c), &all_[i_]);                                              \
	} while (0)

static void text(struct codec *c, const char **s)
{
	string(c, s, false);
}

/* ---- the kinds ---- */

static void port(struct codec *c, struct port_object *p)
{
	string(c, &p->name, false);
	INTEGER(c, uint8_t, p->proto, UINT8_MAX);
	INTEGER(c, uint16_t, p->port, UINT16_MAX);
	INTEGER(c, uint16_t, p->node_port, UINT16_MAX);
	string(c, &p->target_port, false);
}

static void ingress(struct codec *c, struct ingress_object *i)
{
	addr(c, &i->addr);
	BOOLEAN(c, i->proxy_mode);
}

static void service(struct codec *c, struct service_object *s)
{
	INTEGER(c, int64_t, s->created_s, INT64_MAX);
	INTEGER(c, enum service_type, s->type, SERVICE_EXTERNAL_NAME);
	BOOLEAN(c, s->headless);
	INTEGER(c, size_t, s->cluster_ip_count, 2);
	for (size_t i = 0; i < s->cluster_ip_count; i++)
		addr(c, &s->cluster_ips[i]);
	ARRAY(c, struct port_object, s->ports, s->port_count, port);
	ARRAY(c, struct addr, s->external_ips, s->external_ip_count, addr);
	ARRAY(c, struct ingress_object, s->ingress, s->ingress_count, ingress);
	ARRAY(c, struct cidr, s->source_ranges, s->source_range_count, cidr);
	INTEGER(c, enum traffic_policy, s->external_policy, POLICY_LOCAL);
	INTEGER(c, enum traffic_policy, s->internal_policy, POLICY_LOCAL);
	BOOLEAN(c, s->client_ip_affinity);
	INTEGER(c, uint32_t, s->affinity_timeout_s, UINT32_MAX);
	INTEGER(c, uint16_t, s->health_check_node_port, UINT16_MAX);
	BOOLEAN(c, s->publish_not_ready);
	string(c, &s->external_name, true);
	string(c, &s->proxy_name, true);
	BOOLEAN(c, s->headless_label);
	INTEGER(c, enum balance, s->balance, BALANCE_MAGLEV);
	BOOLEAN(c, s->source_ranges_everywhere);
}

static void slice_port(struct codec *c, struct slice_port_object *p)
{
	string(c, &p->name, false);
	INTEGER(c, uint8_t, p->proto, UINT8_MAX);
	INTEGER(c, uint16_t, p->port, UINT16_MAX);
}

static void endpoint(struct codec *c, struct endpoint_object *e)
{
	addr(c, &e->addr);
	BOOLEAN(c, e->ready);
	BOOLEAN(c, e->serving);
	BOOLEAN(c, e->terminating);
	INTEGER(c, uint16_t, e->weight, UINT16_MAX);
	string(c, &e->node_name, true);
	string(c, &e->hostname, true);
	string(c, &e->pod_name, true);
	string(c, &e->zone, true);
	ARRAY(c, const char *, e->zone_hints, e->zone_hint_count, text);
	ARRAY(c, const char *, e->node_hints, e->node_hint_count, text);
	ARRAY(c, struct addr, e->more_addrs, e->more_addr_count, addr);
}

static void slice(struct codec *c, struct slice_object *s)
{
	bool v6 = s->family == AF_INET6;

	string(c, &s->service_name, false);
	BOOLEAN(c, v6);
	if (!c->packing)
		s->family = v6 ? AF_INET6 : AF_INET;
	BOOLEAN(c, s->headless_label);
	ARRAY(c, struct slice_port_object, s->ports, s->port_count, slice_port);
	ARRAY(c, struct endpoint_object, s->endpoints, s->endpoint_count, endpoint);
}

static void node(struct codec *c, struct node_object *n)
{
	ARRAY(c, struct addr, n->addrs, n->addr_count, addr);
	ARRAY(c, struct cidr, n->pod_cidrs, n->pod_cidr_count, cidr);
	string(c, &n->zone, true);
	BOOLEAN(c, n->deleting);
	BOOLEAN(c, n->to_be_deleted);
}

static void pod(struct codec *c, struct pod_object *p)
{
	ARRAY(c, struct addr, p->addrs, p->addr_count, addr);
	string(c, &p->node_name, true);
	BOOLEAN(c, p->host_network);
	BOOLEAN(c, p->finished);
}

static void service_cidr(struct codec *c, struct service_cidr_object *s)
{
	ARRAY(c, struct cidr, s->cidrs, s->cidr_count, cidr);
}

static size_t kind_bytes(enum object_kind kind)
{
	static const size_t bytes[OBJECT_KINDS] = {
		[OBJECT_SERVICE] = sizeof(struct service_object),
		[OBJECT_SLICE] = sizeof(struct slice_object),
		[OBJECT_NAMESPACE] = sizeof(struct namespace_object),
		[OBJECT_NODE] = sizeof(struct node_object),
		[OBJECT_POD] = sizeof(struct pod_object),
		[OBJECT_SERVICE_CIDR] = sizeof(struct service_cidr_object),
	};

	return bytes[kind];
}

static void fields(struct codec *c, struct object *o)
{
	string(c, &o->ns, false);
	string(c, &o->name, false);
	switch (o->kind) {
	case OBJECT_SERVICE:
		service(c, (struct service_object *)o);
		break;
	case OBJECT_SLICE:
		slice(c, (struct slice_object *)o);
		break;
	case OBJECT_NODE:
		node(c, (struct node_object *)o);
		break;
	case OBJECT_POD:
		pod(c, (struct pod_object *)o);
		break;
	case OBJECT_SERVICE_CIDR:
		service_cidr(c, (struct service_cidr_object *)o);
		break;
	case OBJECT_NAMESPACE:
	case OBJECT_KINDS:
		break;
	}
}

/* ---- both ends ---- */

void pack_fini(struct pack *p)
{
	buf_fini(&p->bytes);
	buf_fini(&p->strings);
}

void pack_object(struct pack *p, const struct object *o)
{
	struct codec c = {.packing = true, .pack = p, .arena_bytes = aligned(kind_bytes(o->kind))};
	uint32_t header[2] = {0};

	buf_clear(&p->bytes);
	buf_clear(&p->strings);
	buf_add(&p->bytes, header, sizeof header);
	write_integer(&c, o->kind);
	fields(&c, (struct object *)(uintptr_t)o); /* packing only reads */
	header[0] = (uint32_t)(c.arena_bytes + aligned(p->strings.length_bytes));
	header[1] = (uint32_t)(p->bytes.length_bytes - sizeof header);
	memcpy(p->bytes.data, header, sizeof header);
	buf_add(&p->bytes, p->strings.data, p->strings.length_bytes);
}

/* The header's word on memory is a hint: a lie costs a second chunk, never more than some times the input. */
static size_t arena_hint(uint32_t said, size_t length_bytes)
{
	size_t most = length_bytes * 64 + 1024;

	return said < most ? said : most;
}

struct object *pack_read(const void *bytes, size_t length_bytes)
{
	const uint8_t *b = bytes;
	struct codec c = {0};
	uint32_t header[2];

	if (length_bytes < HEADER_BYTES)
		return NULL;
	memcpy(header, b, sizeof header);
	if (header[1] > length_bytes - HEADER_BYTES)
		return NULL;
	c.at = b + HEADER_BYTES;
	c.end = c.at + header[1];
	c.strings_bytes = length_bytes - HEADER_BYTES - header[1];
	if (c.strings_bytes == 0 || c.end[c.strings_bytes - 1] != '\0')
		return NULL;
	enum object_kind kind = (enum object_kind)read_integer(&c, OBJECT_KINDS - 1);
	if (c.bad)
		return NULL;
	c.arena = arena_new(arena_hint(header[0], length_bytes));
	struct object *o = arena_alloc(c.arena, kind_bytes(kind));
	char *strings = arena_alloc(c.arena, c.strings_bytes);
	c.strings = memcpy(strings, c.end, c.strings_bytes);
	o->kind = kind;
	o->arena = c.arena;
	fields(&c, o);
	o->digest = hash_bytes(b + 4, length_bytes - 4, 0);
	if (!c.bad && c.at == c.end)
		return o;
	arena_free(c.arena);
	return NULL;
}
