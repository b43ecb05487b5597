/* The DNS view: what exists below the service's name (dns.md A and B.4). */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "service/compile_private.h"

#define LABEL_MAX_BYTES 63
#define PORTS_MAX UINT16_MAX

struct view {
	struct compilation *b;
	struct dns_port *ports;
	struct dns_endpoint *endpoints;
	const char **waiting;
	size_t last_count; /* ports of the slice that was added last */
};

static const char *lower(struct arena *a, const char *text)
{
	char *copy = arena_strdup(a, text);

	for (char *c = copy; *c != '\0'; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	return copy;
}

static int by_port(const void *a, const void *b)
{
	const struct dns_port *x = a, *y = b;
	int c = strcmp(x->name, y->name);

	if (c == 0)
		c = (int)x->proto - (int)y->proto;
	return c != 0 ? c : (int)x->port - (int)y->port;
}

/* ---- ports ---- */

static void own_ports(struct view *v)
{
	const struct service_object *o = v->b->in->object;
	struct service *out = &v->b->out;

	if (out->dns_kind != DNS_CLUSTER_IP)
		return;
	for (size_t i = 0; i < o->port_count && i < PORTS_MAX; i++)
		v->ports[out->dns_port_count++] = (struct dns_port){
			.name = lower(v->b->scratch, o->ports[i].name),
			.proto = o->ports[i].proto,
			.port = o->ports[i].port,
		};
	qsort(v->ports, out->dns_port_count, sizeof *v->ports, by_port);
	out->dns_service_ports = out->dns_port_count;
}

static bool ports_equal(const struct dns_port *a, const struct dns_port *b, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (by_port(&a[i], &b[i]) != 0)
			return false;
	return true;
}

/*
 * Index of the slice's ports among all: usually the last ones or the Service's own, as slices of a service are alike.
 * PORTS_MAX: there are more ports than answers can name.
 */
static size_t slice_ports(struct view *v, const struct slice_object *slice)
{
	struct service *out = &v->b->out;
	struct dns_port *mine = &v->ports[out->dns_port_count];
	size_t count = slice->port_count;

	if (out->dns_port_count + count > PORTS_MAX)
		return PORTS_MAX;
	for (size_t i = 0; i < count; i++)
		mine[i] = (struct dns_port){
			.name = lower(v->b->scratch, slice->ports[i].name),
			.proto = slice->ports[i].proto,
			.port = slice->ports[i].port,
		};
	qsort(mine, count, sizeof *mine, by_port);
	if (v->last_count == count && ports_equal(mine - count, mine, count))
		return out->dns_port_count - count;
	if (out->dns_service_ports == count && ports_equal(v->ports, mine, count))
		return 0;
	v->last_count = count;
	out->dns_port_count += (uint32_t)count;
	return out->dns_port_count - count;
}

/* ---- endpoints ---- */

static bool label_fits(const char *text)
{
	return text != NULL && *text != '\0' && strlen(text) <= LABEL_MAX_BYTES && strchr(text, '.') == NULL;
}

/* A label cannot end in a dash where the address ends in "::", so CoreDNS writes the zero out. */
static const char *dashed(struct arena *arena, const struct addr *a)
{
	char text[ADDR_TEXT_BYTES + 1];
	size_t n = strlen(addr_format(a, text));

	if (n >= 2 && text[n - 1] == ':')
		text[n++] = '0';
	text[n] = '\0';
	for (size_t i = 0; i < n; i++)
		if (text[i] == '.' || text[i] == ':')
			text[i] = '-';
	return arena_strdup(arena, text);
}

static const char *endpoint_label(const struct compilation *b, const struct endpoint_object *e, const struct addr *addr)
{
	if (label_fits(endpoint_extra(e)->hostname))
		return lower(b->scratch, endpoint_extra(e)->hostname);
	if (b->in->endpoint_pod_names && label_fits(e->pod_name))
		return lower(b->scratch, e->pod_name);
	return dashed(b->scratch, addr);
}

static void add_endpoint(struct view *v, const struct endpoint_object *e, size_t ports_at, size_t port_count)
{
	const struct endpoint_extra *x = endpoint_extra(e);

	for (size_t i = 0; i <= x->more_addr_count; i++) {
		const struct addr *addr = i == 0 ? &e->addr : &x->more_addrs[i - 1];
		v->endpoints[v->b->out.dns_endpoint_count++] = (struct dns_endpoint){
			.addr = *addr,
			.ports_at = (uint16_t)ports_at,
			.port_count = (uint16_t)port_count,
			.label = endpoint_label(v->b, e, addr),
		};
	}
}

static void add_waiting(struct view *v, const struct endpoint_object *e)
{
	struct service *out = &v->b->out;

	out->dns_not_ready++;
	if (out->dns_waiting_count < DNS_WAITING_MAX)
		v->waiting[out->dns_waiting_count++] = endpoint_label(v->b, e, &e->addr);
}

static void slice_endpoints(struct view *v, const struct slice_object *slice)
{
	size_t ports_at = slice_ports(v, slice), port_count = slice->port_count;

	if (ports_at == PORTS_MAX) /* more SRV records than any answer holds: addresses only */
		ports_at = port_count = 0;
	for (size_t i = 0; i < slice->endpoint_count; i++) {
		if (slice->endpoints[i].ready)
			add_endpoint(v, &slice->endpoints[i], ports_at, port_count);
		else
			add_waiting(v, &slice->endpoints[i]);
	}
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int by_label(const void *a, const void *b)
{
	const struct dns_endpoint *x = a, *y = b;
	int c = strcmp(x->label, y->label);

	if (c == 0)
		c = addr_compare(&x->addr, &y->addr);
	if (c == 0)
		c = (int)x->ports_at - (int)y->ports_at;
	return c != 0 ? c : (int)x->port_count - (int)y->port_count;
}

static void sort_endpoints(struct view *v)
{
	struct service *out = &v->b->out;
	size_t kept = 0;

	qsort(v->endpoints, out->dns_endpoint_count, sizeof *v->endpoints, by_label);
	for (size_t i = 0; i < out->dns_endpoint_count; i++)
		if (kept == 0 || by_label(&v->endpoints[kept - 1], &v->endpoints[i]) != 0)
			v->endpoints[kept++] = v->endpoints[i];
	out->dns_endpoint_count = (uint32_t)kept;
}

/* ---- digest ---- */

static uint64_t mix_ports(uint64_t seed, const struct dns_port *ports, size_t count)
{
	seed = hash_bytes(&count, sizeof count, seed);
	for (size_t i = 0; i < count; i++) {
		uint8_t number[3] = {ports[i].proto, (uint8_t)(ports[i].port >> 8), (uint8_t)ports[i].port};
		seed = hash_bytes(number, sizeof number, hash_text(ports[i].name, seed));
	}
	return seed;
}

/* By content, not by index: where slices share their ports is nothing a client can see. */
static uint64_t digest(const struct service *s, struct arena *scratch)
{
	uint64_t *blocks = arena_array(scratch, s->dns_port_count + 1, sizeof *blocks); /* of ports, by their first */
	uint64_t seed = (uint64_t)s->dns_kind;

	seed = hash_text(s->name, hash_text(s->ns, seed));
	seed = hash_bytes(s->cluster_ips, sizeof s->cluster_ips, seed);
	if (s->external_name != NULL)
		seed = hash_text(s->external_name, seed);
	seed = mix_ports(seed, s->dns_ports, s->dns_service_ports);
	for (size_t i = 0; i < s->dns_endpoint_count; i++) {
		const struct dns_endpoint *e = &s->dns_endpoints[i];
		uint64_t *block = &blocks[e->ports_at];
		if (*block == 0 && e->port_count != 0)
			*block = mix_ports(1, &s->dns_ports[e->ports_at], e->port_count);
		seed = hash_bytes(&e->addr, sizeof e->addr, hash_text(e->label, seed));
		seed = hash_bytes(block, sizeof *block, seed);
	}
	return seed;
}

static enum dns_kind kind_of(const struct service_object *o)
{
	if (o->type == SERVICE_EXTERNAL_NAME)
		return o->external_name != NULL && o->external_name[0] != '\0' ? DNS_EXTERNAL_NAME : DNS_NONE;
	return o->headless ? DNS_HEADLESS : DNS_CLUSTER_IP;
}

void compile_dns(struct compilation *b)
{
	const struct service_object *o = b->in->object;
	struct view v = {.b = b};
	size_t ports = o->port_count, endpoints = 0;

	for (size_t i = 0; i < b->in->slice_count; i++) {
		ports += b->slices[i]->port_count;
		for (size_t k = 0; k < b->slices[i]->endpoint_count; k++)
			endpoints += 1 + endpoint_extra(&b->slices[i]->endpoints[k])->more_addr_count;
	}
	v.ports = arena_array(b->scratch, ports < PORTS_MAX + 1 ? ports : PORTS_MAX + 1, sizeof *v.ports);
	v.endpoints = arena_array(b->scratch, endpoints, sizeof *v.endpoints);
	v.waiting =
		arena_array(b->scratch, endpoints < DNS_WAITING_MAX ? endpoints : DNS_WAITING_MAX, sizeof *v.waiting);
	b->out.dns_waiting = v.waiting;
	b->out.dns_ports = v.ports;
	b->out.dns_endpoints = v.endpoints;
	b->out.dns_kind = kind_of(o);
	if (b->out.dns_kind == DNS_EXTERNAL_NAME)
		b->out.external_name = lower(b->scratch, o->external_name);
	b->out.lan_names = o->lan_names;
	own_ports(&v);
	for (size_t i = 0; b->out.dns_kind != DNS_EXTERNAL_NAME && i < b->in->slice_count; i++)
		slice_endpoints(&v, b->slices[i]);
	sort_endpoints(&v);
	if (b->out.dns_waiting_count != 0)
		qsort(v.waiting, b->out.dns_waiting_count, sizeof *v.waiting, by_text);
	b->out.dns_digest = digest(&b->out, b->scratch);
}
