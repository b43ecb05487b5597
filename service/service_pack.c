/* Packs a compiled service into one heap block. */
#include "service/service.h"

#include <assert.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "service/dns_index.h"

/*
 * Packing runs the same code twice: once without memory to learn the size, once to copy. Both runs must therefore
 * take the same decisions, which is why names already packed are remembered by their place in the draft.
 */
#define NAMES_SEEN 16

struct packer {
	char *base; /* NULL: only count */
	size_t used_bytes;
	struct {
		const char *draft, *packed;
	} seen[NAMES_SEEN];
	unsigned next_seen;
};

static void *packer_take(struct packer *p, size_t bytes, size_t align)
{
	size_t start = (p->used_bytes + align - 1) & ~(align - 1);

	p->used_bytes = start + bytes;
	return p->base != NULL ? p->base + start : NULL;
}

/* Never NULL in the second run, also for nothing: readers may take the address of an element at index 0. */
static void *copy(struct packer *p, const void *from, size_t bytes, size_t align)
{
	void *to = packer_take(p, bytes, align);

	if (to != NULL && bytes != 0)
		memcpy(to, from, bytes);
	return to;
}

#define COPY_ARRAY(p, from, count) copy(p, from, (count) * sizeof *(from), alignof(__typeof__(*(from))))

/* Port names and labels repeat: the last few strings are shared. */
static const char *copy_name(struct packer *p, const char *name)
{
	if (name == NULL)
		return NULL;
	for (unsigned i = 0; i < NAMES_SEEN && p->seen[i].draft != NULL; i++)
		if (strcmp(p->seen[i].draft, name) == 0)
			return p->seen[i].packed;
	const char *packed = copy(p, name, strlen(name) + 1, 1);
	p->seen[p->next_seen].draft = name;
	p->seen[p->next_seen].packed = packed;
	p->next_seen = (p->next_seen + 1) % NAMES_SEEN;
	return packed;
}

static const struct pool *moved(const struct pool *pool, const struct service_port *from, const struct service_port *to)
{
	if (pool == NULL || to == NULL)
		return NULL;
	return (const struct pool *)((const char *)to + ((const char *)pool - (const char *)from));
}

static void pack_proxy(struct packer *p, const struct service *draft, struct service *out)
{
	struct service_port *ports = COPY_ARRAY(p, draft->ports, draft->port_count);
	struct frontend *frontends = COPY_ARRAY(p, draft->frontends, draft->frontend_count);

	for (size_t i = 0; i < draft->port_count; i++) {
		const struct service_port *from = &draft->ports[i];
		const char *name = copy_name(p, from->name);
		const struct target *targets = COPY_ARRAY(p, from->targets, from->target_count);
		const uint16_t *cluster = COPY_ARRAY(p, from->cluster.slots, from->cluster.count);
		const uint16_t *local = COPY_ARRAY(p, from->local.slots, from->local.count);
		if (ports == NULL)
			continue;
		ports[i].name = name;
		ports[i].targets = targets;
		ports[i].cluster.slots = cluster;
		ports[i].local.slots = local;
	}
	for (size_t i = 0; frontends != NULL && i < draft->frontend_count; i++) {
		frontends[i].pool = moved(draft->frontends[i].pool, draft->ports, ports);
		frontends[i].internal = moved(draft->frontends[i].internal, draft->ports, ports);
	}
	out->target_count = 0;
	for (size_t i = 0; i < draft->port_count; i++)
		out->target_count += draft->ports[i].target_count;
	out->ports = ports;
	out->frontends = frontends;
	out->notes = COPY_ARRAY(p, draft->notes, draft->note_count);
	out->source_ranges = COPY_ARRAY(p, draft->source_ranges, draft->source_range_count);
}

static void pack_dns(struct packer *p, const struct service *draft, struct service *out)
{
	struct dns_port *ports = COPY_ARRAY(p, draft->dns_ports, draft->dns_port_count);
	struct dns_endpoint *endpoints = COPY_ARRAY(p, draft->dns_endpoints, draft->dns_endpoint_count);

	out->external_name = copy_name(p, draft->external_name);
	out->lan_names = copy_name(p, draft->lan_names);
	for (size_t i = 0; i < draft->dns_port_count; i++) {
		const char *name = copy_name(p, draft->dns_ports[i].name);
		if (ports != NULL)
			ports[i].name = name;
	}
	for (size_t i = 0; i < draft->dns_endpoint_count; i++) {
		const char *label = copy_name(p, draft->dns_endpoints[i].label);
		if (endpoints != NULL)
			endpoints[i].label = label;
	}
	const char **waiting = COPY_ARRAY(p, draft->dns_waiting, draft->dns_waiting_count);
	for (size_t i = 0; i < draft->dns_waiting_count; i++) {
		const char *label = copy_name(p, draft->dns_waiting[i]);
		if (waiting != NULL)
			waiting[i] = label;
	}
	out->dns_waiting = waiting;
	out->dns_ports = ports;
	out->dns_endpoints = endpoints;
	uint16_t *named = packer_take(p, draft->dns_port_count * sizeof *named, alignof(uint16_t));
	uint32_t *by_addr = packer_take(p, draft->dns_endpoint_count * sizeof *by_addr, alignof(uint32_t));
	if (p->base != NULL)
		dns_index_build(out, ports, named, by_addr);
}

/* The draft's own struct first: the block is the service. */
static void pack_all(struct packer *p, const struct service *draft)
{
	struct service scratch, *block = copy(p, draft, sizeof *draft, alignof(struct service));
	struct service *out = block != NULL ? block : &scratch;

	out->ns = copy_name(p, draft->ns);
	out->name = copy_name(p, draft->name);
	pack_proxy(p, draft, out);
	pack_dns(p, draft, out);
}

static size_t packed_bytes(const struct service *s)
{
	struct packer count = {0};

	pack_all(&count, s);
	return count.used_bytes;
}

struct service *service_pack(const struct service *draft)
{
	size_t bytes = packed_bytes(draft);
	struct packer p = {.base = mem_alloc(bytes)};

	pack_all(&p, draft);
	assert(p.used_bytes == bytes);
	return (struct service *)p.base;
}
