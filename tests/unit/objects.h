/* Objects and compiled services for unit tests, built by hand: include after <cmocka.h>. */
#ifndef TESTS_OBJECTS_H
#define TESTS_OBJECTS_H

#include <netinet/in.h>
#include <string.h>

#include "base/mem.h"
#include "service/compile.h"
#include "watch/object.h"

static inline struct addr ip(const char *text)
{
	struct addr a;

	assert_true(addr_parse(&a, text));
	return a;
}

static inline struct service_object *make_service(struct arena *a, const char *name, const char *cluster_ip)
{
	struct service_object *o = arena_alloc(a, sizeof *o);

	o->object = (struct object){.kind = OBJECT_SERVICE, .ns = "default", .name = name};
	o->affinity_timeout_s = 10800;
	if (cluster_ip != NULL) {
		o->cluster_ips[o->cluster_ip_count++] = ip(cluster_ip);
	}
	return o;
}

static inline void add_port(struct arena *a, struct service_object *o, const char *name, uint8_t proto, uint16_t port,
			    uint16_t node_port)
{
	struct port_object *ports = arena_array(a, o->port_count + 1, sizeof *ports);

	for (size_t i = 0; i < o->port_count; i++)
		ports[i] = o->ports[i];
	ports[o->port_count++] = (struct port_object){
		.name = name, .proto = proto, .port = port, .node_port = node_port, .target_port = ""};
	o->ports = ports;
}

/* So many TCP ports, p0, p1, …, from this number on; instead of those it has. */
static inline void set_ports(struct arena *a, struct service_object *o, uint16_t first, size_t count)
{
	struct port_object *ports = arena_array(a, count, sizeof *ports);

	for (size_t i = 0; i < count; i++)
		ports[i] = (struct port_object){.name = arena_printf(a, "p%zu", i),
						.proto = IPPROTO_TCP,
						.port = (uint16_t)(first + i),
						.target_port = ""};
	o->ports = ports;
	o->port_count = count;
}

static inline void add_ingress(struct arena *a, struct service_object *o, const char *addr, bool proxy_mode)
{
	struct ingress_object *all = arena_array(a, o->ingress_count + 1, sizeof *all);

	for (size_t i = 0; i < o->ingress_count; i++)
		all[i] = o->ingress[i];
	all[o->ingress_count++] = (struct ingress_object){.addr = ip(addr), .proxy_mode = proxy_mode};
	o->ingress = all;
}

static inline void add_external_ip(struct arena *a, struct service_object *o, const char *addr)
{
	struct addr *all = arena_array(a, o->external_ip_count + 1, sizeof *all);

	for (size_t i = 0; i < o->external_ip_count; i++)
		all[i] = o->external_ips[i];
	all[o->external_ip_count++] = ip(addr);
	o->external_ips = all;
}

static inline void add_range(struct arena *a, struct service_object *o, const char *range)
{
	struct cidr *all = arena_array(a, o->source_range_count + 1, sizeof *all);

	for (size_t i = 0; i < o->source_range_count; i++)
		all[i] = o->source_ranges[i];
	assert_true(cidr_parse(&all[o->source_range_count++], range));
	o->source_ranges = all;
}

/* "10.0.0.1": ready; "!10.0.0.1": not ready; "~10.0.0.1": serving and terminating; "10.0.0.1@node" is on that node. */
static inline void make_endpoint(struct arena *a, struct endpoint_object *e, const char *word)
{
	char *copy = arena_strdup(a, word), *node = strchr(copy, '@');

	if (node != NULL) {
		*node = '\0';
		e->node_name = node + 1;
	}
	e->ready = *copy != '!' && *copy != '~';
	e->serving = *copy != '!';
	e->terminating = *copy == '~';
	e->weight = 1;
	e->addr = ip(*copy == '!' || *copy == '~' ? copy + 1 : copy);
}

/* One port; endpoints by make_endpoint, parted by blanks. */
static inline struct slice_object *make_slice(struct arena *a, const char *name, const char *port_name, uint8_t proto,
					      uint16_t port, const char *endpoints)
{
	struct slice_object *s = arena_alloc(a, sizeof *s);
	struct slice_port_object *ports = arena_alloc(a, sizeof *ports);
	struct endpoint_object *all = arena_array(a, strlen(endpoints) + 1, sizeof *all);
	char *at, *word = strtok_r(arena_strdup(a, endpoints), " ", &at);

	*ports = (struct slice_port_object){.name = port_name, .proto = proto, .port = port};
	s->object = (struct object){.kind = OBJECT_SLICE, .ns = "default", .name = name};
	s->service_name = "";
	s->port_count = 1;
	s->ports = ports;
	for (; word != NULL; word = strtok_r(NULL, " ", &at))
		make_endpoint(a, &all[s->endpoint_count++], word);
	s->endpoints = all;
	s->family = s->endpoint_count != 0 ? all[0].addr.family : AF_INET;
	return s;
}

#endif
