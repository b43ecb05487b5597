/* Manifests compared with each other and with the host. */
#include "cli/check_objects_private.h"

#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/unmatched.h"

static void located_free(struct located *l)
{
	object_free(l->o);
	free(l);
}

static void all_free(struct map *map)
{
	struct located *l;
	size_t at = 0;

	while ((l = map_next(map, &at)) != NULL)
		located_free(l);
	map_fini(map);
}

void checked_fini(struct checked *c)
{
	size_t at = 0;
	char *file;

	map_fini(&c->by_name);
	all_free(&c->services);
	all_free(&c->slices);
	all_free(&c->others);
	while ((file = map_next(&c->files, &at)) != NULL)
		free(file);
	map_fini(&c->files);
	*c = (struct checked){0};
}

static const char *file_name(struct checked *c, const char *file)
{
	char *known = map_get_str(&c->files, file);

	if (known != NULL)
		return known;
	known = mem_strdup(file);
	map_put_str(&c->files, known, known);
	return known;
}

static struct map *map_of(struct checked *c, enum object_kind kind)
{
	return kind == OBJECT_SERVICE ? &c->services : kind == OBJECT_SLICE ? &c->slices : &c->others;
}

static struct located *located_new(struct checked *c, struct object *o, const char *file, uint32_t line)
{
	const char *kind = map_of(c, o->kind) == &c->others ? object_kind_name(o->kind) : "";
	const size_t n = strlen(kind) + strlen(o->ns) + strlen(o->name) + 3;
	struct located *l = mem_alloc(sizeof *l + n);

	*l = (struct located){.o = o, .file = file_name(c, file), .line = line};
	snprintf(l->key, n, "%s%s%s/%s", kind, kind[0] != '\0' ? " " : "", o->ns, o->name);
	return l;
}

void checked_add(struct checked *c, struct object *o, const char *file, uint32_t line)
{
	struct located *l, *before;

	if (!c->too_many &&
	    map_count(&c->services) + map_count(&c->slices) + map_count(&c->others) == CHECK_OBJECTS_MAX) {
		checked_fini(c);
		c->too_many = true;
	}
	if (c->too_many) {
		object_free(o);
		return;
	}
	l = located_new(c, o, file, line);
	before = map_put_str(map_of(c, o->kind), l->key, l);
	if (o->kind == OBJECT_SERVICE)
		map_put_str(&c->by_name, o->name, l);
	if (before != NULL)
		located_free(before);
}

/* ---- telling ---- */

void say(struct report *r, const struct located *l, const char *field, const char *fmt, ...)
{
	char reason[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(reason, sizeof reason, fmt, ap);
	va_end(ap);
	r->tell(r->ctx, l->file,
		&(struct decode_problem){.line = l->line,
					 .kind = object_kind_name(l->o->kind),
					 .ns = l->o->ns,
					 .name = l->o->name,
					 .field = field,
					 .reason = reason});
}

/* In the order of names: the same every time. */
static int by_place(const void *a, const void *b)
{
	const struct located *x = *(const struct located *const *)a, *y = *(const struct located *const *)b;
	const int order = strcmp(x->file, y->file);

	return order != 0 ? order : x->line != y->line ? (x->line < y->line ? -1 : 1) : strcmp(x->key, y->key);
}

static void each_sorted(struct report *r, const struct map *map,
			void (*look)(struct report *r, const struct located *l))
{
	const struct located **all = mem_array(map_count(map) + 1, sizeof *all), *l;
	size_t at = 0, n = 0;

	while ((l = map_next(map, &at)) != NULL)
		all[n++] = l;
	qsort(all, n, sizeof *all, by_place);
	for (size_t i = 0; i < n; i++)
		look(r, all[i]);
	free(all);
}

/* ---- slices ---- */

static void look_at_slice(struct report *r, const struct located *l)
{
	const struct slice_object *e = (const struct slice_object *)l->o;
	const char *key = arena_printf(r->arena, "%s/%s", e->object.ns, e->service_name);
	const struct located *service = map_get_str(&r->c->services, key), *other;
	struct buf reason = {0};

	if (e->service_name[0] == '\0') /* said by the decoder */
		return;
	if (service == NULL) {
		other = map_get_str(&r->c->by_name, e->service_name);
		if (other != NULL)
			say(r, l, "metadata.namespace", "no Service %s: Service %s is in namespace %s", key,
			    e->service_name, other->o->ns);
		else
			say(r, l, "metadata.labels.kubernetes.io/service-name", "no Service %s", key);
		return;
	}
	for (size_t i = 0; i < e->port_count; i++) {
		const enum unmatched why = unmatched_why(service_of(service), e, &e->ports[i]);
		char field[32];
		if (why == UNMATCHED_NOT)
			continue;
		buf_clear(&reason);
		unmatched_format(&reason, why, service_of(service), e, &e->ports[i]);
		snprintf(field, sizeof field, "ports[%zu]", i);
		say(r, l, why == UNMATCHED_FAMILY ? "addressType" : field, "not used: %s", reason.data);
		if (why == UNMATCHED_FAMILY || why == UNMATCHED_TYPE)
			break;
	}
	buf_fini(&reason);
}

/* ---- addresses ---- */

struct claimed_address {
	struct addr addr;
	uint8_t proto; /* 0: the address as a whole */
	uint16_t port;
};

static void claim(struct report *r, const struct located *l, const char *field, const struct claimed_address *key)
{
	const struct located *first = map_get(&r->addresses, key, sizeof *key);
	char text[ADDR_PORT_TEXT_BYTES];

	if (first == NULL) {
		struct claimed_address *kept = arena_alloc(r->arena, sizeof *kept);
		memcpy(kept, key, sizeof *kept);
		map_put(&r->addresses, kept, sizeof *kept, (void *)(uintptr_t)l);
	} else if (first != l && key->proto == 0) {
		say(r, l, field, "%s is also the address of Service %s", addr_format(&key->addr, text), first->key);
	} else if (first != l) {
		say(r, l, field, "%s/%s is also of Service %s", addr_port_format(&key->addr, key->port, text),
		    proto_name(key->proto), first->key);
	}
}

/* Padding is part of the key. */
static struct claimed_address address_key(const struct addr *a, uint8_t proto, uint16_t port)
{
	struct claimed_address key;

	memset(&key, 0, sizeof key);
	key.addr = *a;
	key.proto = proto;
	key.port = port;
	return key;
}

static void look_at_host(struct report *r, const struct located *l, const char *field, const struct addr *a)
{
	const char *what = map_get(&r->hosts, a, sizeof *a);
	char text[ADDR_TEXT_BYTES];

	if (what != NULL)
		say(r, l, field, "%s is %s: only the Service's own ports of it are translated", addr_format(a, text),
		    what);
}

static void look_at_externals(struct report *r, const struct located *l, const char *field, const struct addr *a)
{
	const struct service_object *s = service_of(l);

	if (a->family == 0)
		return;
	look_at_host(r, l, field, a);
	for (size_t i = 0; i < s->port_count; i++) {
		const struct claimed_address key = address_key(a, s->ports[i].proto, s->ports[i].port);
		claim(r, l, field, &key);
	}
}

static bool has_node_port(const struct service_object *s)
{
	for (size_t i = 0; i < s->port_count; i++)
		if (s->ports[i].node_port != 0)
			return true;
	return false;
}

static void look_at_service(struct report *r, const struct located *l)
{
	const struct service_object *s = service_of(l);

	for (size_t i = 0; i < s->cluster_ip_count; i++) {
		const struct claimed_address key = address_key(&s->cluster_ips[i], 0, 0);
		claim(r, l, "spec.clusterIP", &key);
		look_at_host(r, l, "spec.clusterIP", &s->cluster_ips[i]);
	}
	for (size_t i = 0; i < s->external_ip_count; i++)
		look_at_externals(r, l, "spec.externalIPs", &s->external_ips[i]);
	for (size_t i = 0; i < s->ingress_count; i++)
		look_at_externals(r, l, "status.loadBalancer.ingress", &s->ingress[i].addr);
	if (s->type == SERVICE_LOAD_BALANCER && s->ingress_count == 0 && s->external_ip_count == 0 && !has_node_port(s))
		say(r, l, "status.loadBalancer.ingress",
		    "no address and no nodePort: nothing outside can reach it (see --lb-pool)");
}

/* ---- the host ---- */

static void host_add(struct report *r, const struct addr *a, const char *what)
{
	struct addr *kept = arena_alloc(r->arena, sizeof *kept);

	*kept = *a;
	map_put(&r->hosts, kept, sizeof *kept, (void *)(uintptr_t)what);
}

static void host_interfaces(struct report *r)
{
	struct ifaddrs *all = NULL;
	struct addr a;

	if (getifaddrs(&all) != 0)
		return;
	for (const struct ifaddrs *i = all; i != NULL; i = i->ifa_next) {
		a = (struct addr){0};
		if (i->ifa_addr == NULL)
			continue;
		a.family = (uint8_t)i->ifa_addr->sa_family;
		if (a.family == AF_INET)
			memcpy(a.bytes, &((const struct sockaddr_in *)(const void *)i->ifa_addr)->sin_addr, 4);
		else if (a.family == AF_INET6)
			memcpy(a.bytes, &((const struct sockaddr_in6 *)(const void *)i->ifa_addr)->sin6_addr, 16);
		else
			continue;
		host_add(r, &a, "an address of this host");
	}
	freeifaddrs(all);
}

static void host_name_servers(struct report *r, const char *resolv_conf)
{
	FILE *f = resolv_conf != NULL ? fopen(resolv_conf, "re") : NULL;
	char line[512], text[128];
	struct addr a;

	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		if (sscanf(line, " nameserver %127s", text) == 1 && addr_parse(&a, text) &&
		    map_get(&r->hosts, &a, sizeof a) == NULL)
			host_add(r, &a, "a name server of this host");
	if (f != NULL)
		fclose(f);
}

void checked_report(struct checked *c, const struct config *config, const char *resolv_conf,
		    void (*tell)(void *ctx, const char *file, const struct decode_problem *p), void *ctx)
{
	struct report r = {.c = c, .tell = tell, .ctx = ctx, .arena = arena_new(16384)};

	check_fill(&r, config);
	host_interfaces(&r);
	host_name_servers(&r, resolv_conf);
	each_sorted(&r, &c->slices, look_at_slice);
	each_sorted(&r, &c->services, look_at_service);
	map_fini(&r.hosts);
	map_fini(&r.addresses);
	arena_free(r.arena);
}
