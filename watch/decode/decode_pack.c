/* Packs objects into flat bytes and unpacks them. */
#include "watch/decode/decode_pack.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "watch/decode/codec.h"

#define HEADER_BYTES 8

/* ---- the kinds ---- */

static void port(struct codec *c, struct port_object *p)
{
	CODEC_STRING(c, p->name, false);
	CODEC_INTEGER(c, uint8_t, p->proto, UINT8_MAX);
	CODEC_INTEGER(c, uint16_t, p->port, UINT16_MAX);
	CODEC_INTEGER(c, uint16_t, p->node_port, UINT16_MAX);
	CODEC_STRING(c, p->target_port, false);
}

static void ingress(struct codec *c, struct ingress_object *i)
{
	CODEC_FIELD(c, i->addr, codec_addr);
	CODEC_BOOLEAN(c, i->proxy_mode);
}

static void label(struct codec *c, struct label_object *l)
{
	CODEC_STRING(c, l->key, false);
	CODEC_STRING(c, l->value, false);
}

static void given(struct codec *c, struct given_endpoint *g)
{
	CODEC_STRING(c, g->port_name, true);
	CODEC_STRING(c, g->host, true);
	CODEC_FIELD(c, g->addr, codec_addr);
	CODEC_INTEGER(c, uint16_t, g->port, UINT16_MAX);
}

static void probe_header(struct codec *c, struct probe_header *h)
{
	CODEC_STRING(c, h->name, false);
	CODEC_STRING(c, h->value, false);
}

static void probe(struct codec *c, struct probe_object *p)
{
	CODEC_INTEGER(c, enum probe_action, p->action, PROBE_EXEC);
	if (p->action == PROBE_NONE && c->form == NULL)
		return;
	CODEC_FIELD(c, p->host, codec_addr);
	CODEC_INTEGER(c, uint16_t, p->port, UINT16_MAX);
	CODEC_STRING(c, p->path, false);
	CODEC_ARRAY(c, struct probe_header, p->headers, p->header_count, probe_header);
	CODEC_ARRAY(c, const char *, p->command, p->command_count, codec_text);
	CODEC_STRING(c, p->netns, true);
	CODEC_INTEGER(c, uint32_t, p->initial_delay_ms, UINT32_MAX);
	CODEC_INTEGER(c, uint32_t, p->period_ms, UINT32_MAX);
	CODEC_INTEGER(c, uint32_t, p->timeout_ms, UINT32_MAX);
	CODEC_INTEGER(c, uint32_t, p->success_threshold, UINT32_MAX);
	CODEC_INTEGER(c, uint32_t, p->failure_threshold, UINT32_MAX);
}

static void probe_set(struct codec *c, struct probe_set *s)
{
	CODEC_STRING(c, s->container, false);
	for (size_t i = 0; i < PROBE_ROLES; i++)
		CODEC_FIELD(c, s->of[i], probe);
}

static void family(struct codec *c, uint8_t *f)
{
	CODEC_INTEGER(c, uint8_t, *f, UINT8_MAX);
}

static void wishes(struct codec *c, struct service_wishes *w)
{
	CODEC_INTEGER(c, enum family_policy, w->family_policy, FAMILY_REQUIRE_DUAL);
	CODEC_FEW(c, w->families, w->family_count, 2, family);
	CODEC_BOOLEAN(c, w->no_node_ports);
	CODEC_BOOLEAN(c, w->other_balancer);
	CODEC_FIELD(c, w->balancer_ip, codec_addr);
	CODEC_ARRAY(c, struct label_object, w->selector, w->selector_count, label);
	CODEC_INTEGER(c, enum traffic_distribution, w->distribution, DISTRIBUTION_SAME_NODE);
	CODEC_ARRAY(c, struct given_endpoint, w->given, w->given_count, given);
	CODEC_ARRAY(c, struct probe_set, w->probe, w->probe_count, probe_set);
	CODEC_BOOLEAN(c, w->all_when_all_fail);
}

static void service(struct codec *c, struct service_object *s)
{
	CODEC_INTEGER(c, int64_t, s->created_s, INT64_MAX);
	CODEC_INTEGER(c, enum service_type, s->type, SERVICE_EXTERNAL_NAME);
	CODEC_BOOLEAN(c, s->headless);
	CODEC_FEW(c, s->cluster_ips, s->cluster_ip_count, 2, codec_addr);
	CODEC_ARRAY(c, struct port_object, s->ports, s->port_count, port);
	CODEC_ARRAY(c, struct addr, s->external_ips, s->external_ip_count, codec_addr);
	CODEC_ARRAY(c, struct ingress_object, s->ingress, s->ingress_count, ingress);
	CODEC_ARRAY(c, struct cidr, s->source_ranges, s->source_range_count, codec_cidr);
	CODEC_INTEGER(c, enum traffic_policy, s->external_policy, POLICY_LOCAL);
	CODEC_INTEGER(c, enum traffic_policy, s->internal_policy, POLICY_LOCAL);
	CODEC_BOOLEAN(c, s->client_ip_affinity);
	CODEC_INTEGER(c, uint32_t, s->affinity_timeout_s, UINT32_MAX);
	CODEC_INTEGER(c, uint16_t, s->health_check_node_port, UINT16_MAX);
	CODEC_BOOLEAN(c, s->publish_not_ready);
	CODEC_STRING(c, s->external_name, true);
	CODEC_STRING(c, s->lan_names, true);
	CODEC_STRING(c, s->proxy_name, true);
	CODEC_BOOLEAN(c, s->headless_label);
	CODEC_INTEGER(c, enum balance, s->balance, BALANCE_MAGLEV);
	CODEC_BOOLEAN(c, s->source_ranges_everywhere);
	CODEC_OPTIONAL(c, struct service_wishes, s->wishes, wishes);
}

static void slice_port(struct codec *c, struct slice_port_object *p)
{
	CODEC_STRING(c, p->name, false);
	CODEC_INTEGER(c, uint8_t, p->proto, UINT8_MAX);
	CODEC_INTEGER(c, uint16_t, p->port, UINT16_MAX);
}

static void extra(struct codec *c, struct endpoint_extra *x)
{
	CODEC_STRING(c, x->hostname, true);
	CODEC_STRING(c, x->reason, true);
	CODEC_ARRAY(c, const char *, x->zone_hints, x->zone_hint_count, codec_text);
	CODEC_ARRAY(c, const char *, x->node_hints, x->node_hint_count, codec_text);
	CODEC_ARRAY(c, struct addr, x->more_addrs, x->more_addr_count, codec_addr);
}

static void endpoint(struct codec *c, struct endpoint_object *e)
{
	CODEC_FIELD(c, e->addr, codec_addr);
	CODEC_BOOLEAN(c, e->ready);
	CODEC_BOOLEAN(c, e->serving);
	CODEC_BOOLEAN(c, e->terminating);
	CODEC_INTEGER(c, uint16_t, e->weight, UINT16_MAX);
	CODEC_STRING(c, e->node_name, true);
	CODEC_STRING(c, e->pod_name, true);
	CODEC_STRING(c, e->zone, true);
	CODEC_OPTIONAL(c, struct endpoint_extra, e->extra, extra);
}

static void slice(struct codec *c, struct slice_object *s)
{
	bool v6 = s->family == AF_INET6;

	CODEC_STRING(c, s->service_name, false);
	CODEC_BOOLEAN(c, v6);
	if (!c->packing)
		s->family = v6 ? AF_INET6 : AF_INET;
	CODEC_BOOLEAN(c, s->headless_label);
	CODEC_ARRAY(c, struct slice_port_object, s->ports, s->port_count, slice_port);
	CODEC_ARRAY(c, struct endpoint_object, s->endpoints, s->endpoint_count, endpoint);
}

static void node(struct codec *c, struct node_object *n)
{
	CODEC_ARRAY(c, struct addr, n->addrs, n->addr_count, codec_addr);
	CODEC_ARRAY(c, struct cidr, n->pod_cidrs, n->pod_cidr_count, codec_cidr);
	CODEC_STRING(c, n->zone, true);
	CODEC_BOOLEAN(c, n->deleting);
	CODEC_BOOLEAN(c, n->to_be_deleted);
}

static void container_port(struct codec *c, struct container_port *p)
{
	CODEC_STRING(c, p->name, false);
	CODEC_INTEGER(c, uint8_t, p->proto, UINT8_MAX);
	CODEC_INTEGER(c, uint16_t, p->port, UINT16_MAX);
}

static void details(struct codec *c, struct pod_details *d)
{
	CODEC_ARRAY(c, struct label_object, d->labels, d->label_count, label);
	CODEC_STRING(c, d->hostname, true);
	CODEC_STRING(c, d->subdomain, true);
	CODEC_BOOLEAN(c, d->ready);
	CODEC_BOOLEAN(c, d->terminating);
	CODEC_ARRAY(c, struct container_port, d->ports, d->port_count, container_port);
	CODEC_ARRAY(c, struct probe_set, d->probes, d->probe_count, probe_set);
}

static void pod(struct codec *c, struct pod_object *p)
{
	CODEC_ARRAY(c, struct addr, p->addrs, p->addr_count, codec_addr);
	CODEC_STRING(c, p->node_name, true);
	CODEC_BOOLEAN(c, p->host_network);
	CODEC_BOOLEAN(c, p->own_search);
	CODEC_BOOLEAN(c, p->finished);
	CODEC_STRING(c, p->trouble, true);
	CODEC_FIELD(c, p->details, details);
}

static void workload(struct codec *c, struct workload_object *w)
{
	CODEC_BOOLEAN(c, w->none);
	CODEC_ARRAY(c, struct label_object, w->labels, w->label_count, label);
}

static void service_cidr(struct codec *c, struct service_cidr_object *s)
{
	CODEC_ARRAY(c, struct cidr, s->cidrs, s->cidr_count, codec_cidr);
}

static size_t kind_bytes(enum object_kind kind)
{
	static const size_t bytes[OBJECT_ALL_KINDS] = {
		[OBJECT_SERVICE] = sizeof(struct service_object),
		[OBJECT_SLICE] = sizeof(struct slice_object),
		[OBJECT_NAMESPACE] = sizeof(struct namespace_object),
		[OBJECT_NODE] = sizeof(struct node_object),
		[OBJECT_POD] = sizeof(struct pod_object),
		[OBJECT_SERVICE_CIDR] = sizeof(struct service_cidr_object),
		[OBJECT_DEPLOYMENT] = sizeof(struct workload_object),
		[OBJECT_STATEFUL_SET] = sizeof(struct workload_object),
		[OBJECT_DAEMON_SET] = sizeof(struct workload_object),
		[OBJECT_JOB] = sizeof(struct workload_object),
	};

	return bytes[kind];
}

static void fields(struct codec *c, struct object *o)
{
	CODEC_STRING(c, o->ns, false);
	CODEC_STRING(c, o->name, false);
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
	case OBJECT_DEPLOYMENT:
	case OBJECT_STATEFUL_SET:
	case OBJECT_DAEMON_SET:
	case OBJECT_JOB:
		workload(c, (struct workload_object *)o);
		break;
	case OBJECT_NAMESPACE:
	case OBJECT_ALL_KINDS:
		break;
	}
}

/* ---- both ends ---- */

uint32_t pack_form(void)
{
	struct buf form = {0};
	struct codec c = {.packing = true, .form = &form};
	uint64_t hash;

	for (int kind = 0; kind < OBJECT_ALL_KINDS; kind++) {
		struct object *zeros = mem_alloc(kind_bytes((enum object_kind)kind));
		zeros->kind = (enum object_kind)kind;
		codec_list(&c, object_kind_name(zeros->kind), "kind", (uint64_t)kind);
		fields(&c, zeros);
		free(zeros);
	}
	hash = hash_bytes(form.data, form.length_bytes, 0);
	buf_fini(&form);
	return (uint32_t)(hash ^ hash >> 32);
}

void pack_fini(struct pack *p)
{
	buf_fini(&p->bytes);
	buf_fini(&p->strings);
}

void pack_object(struct pack *p, const struct object *o)
{
	struct codec c = {.packing = true, .pack = p, .arena_bytes = codec_aligned(kind_bytes(o->kind))};
	uint32_t header[2] = {0};

	buf_clear(&p->bytes);
	buf_clear(&p->strings);
	buf_add(&p->bytes, header, sizeof header);
	codec_write_integer(&c, o->kind);
	fields(&c, (struct object *)(uintptr_t)o); /* packing only reads */
	header[0] = (uint32_t)(c.arena_bytes + codec_aligned(p->strings.length_bytes));
	header[1] = (uint32_t)(p->bytes.length_bytes - sizeof header);
	memcpy(p->bytes.data, header, sizeof header);
	buf_add(&p->bytes, p->strings.data, p->strings.length_bytes);
}

/* But for the room in memory, which is no content. */
static uint64_t digest_of(const void *bytes, size_t length_bytes)
{
	return hash_bytes((const uint8_t *)bytes + 4, length_bytes - 4, 0);
}

uint64_t pack_digest(const struct pack *p)
{
	return digest_of(p->bytes.data, p->bytes.length_bytes);
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
	enum object_kind kind = (enum object_kind)codec_read_integer(&c, OBJECT_ALL_KINDS - 1);
	if (c.bad)
		return NULL;
	c.arena = arena_new(arena_hint(header[0], length_bytes));
	struct object *o = arena_alloc(c.arena, kind_bytes(kind));
	char *strings = arena_alloc(c.arena, c.strings_bytes);
	c.strings = memcpy(strings, c.end, c.strings_bytes);
	o->kind = kind;
	o->arena = c.arena;
	fields(&c, o);
	o->digest = digest_of(b, length_bytes);
	if (!c.bad && c.at == c.end)
		return o;
	arena_free(c.arena);
	return NULL;
}

struct object *pack_copy(struct pack *p, const struct object *o)
{
	pack_object(p, o);
	return pack_read(p->bytes.data, p->bytes.length_bytes);
}
