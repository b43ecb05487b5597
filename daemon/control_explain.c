/* What `fairlead explain` asks of the daemon. */
#include "daemon/control_explain.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "daemon/announce.h"
#include "daemon/daemon_private.h"
#include "daemon/dispatch.h"
#include "proxy/show.h"
#include "proxy/show_unused.h"

/* ---- the daemon's state ---- */

static void json_addr(struct json *j, const char *key, const struct addr *a)
{
	char text[ADDR_TEXT_BYTES];

	json_string(j, key, addr_format(a, text));
}

static void json_addrs(struct json *j, const char *key, const struct addr *addrs, size_t count)
{
	json_array(j, key);
	for (size_t i = 0; i < count; i++)
		json_addr(j, NULL, &addrs[i]);
	json_end(j);
}

static void json_cidrs(struct json *j, const char *key, const struct cidr *cidrs, size_t count)
{
	char text[CIDR_TEXT_BYTES];

	json_array(j, key);
	for (size_t i = 0; i < count; i++)
		json_string(j, NULL, cidr_format(&cidrs[i], text));
	json_end(j);
}

static void state_dns(struct json *j, const struct daemon *d)
{
	const struct store_service *dns = store_service(d->store, "kube-system", "kube-dns");
	char text[ADDR_PORT_TEXT_BYTES];

	json_bool(j, "dns", d->server != NULL);
	json_string(j, "domain", d->config->cluster_domain);
	json_number(j, "negativeTTLSeconds", d->config->dns_negative_ttl_s);
	json_array(j, "dnsListen");
	for (size_t i = 0; i < d->config->dns_listen.count; i++)
		json_string(j, NULL,
			    addr_port_format(&d->config->dns_listen.items[i].addr, d->config->dns_listen.items[i].port,
					     text));
	json_end(j);
	if (dns != NULL && dns->object != NULL)
		json_addrs(j, "clusterDNS", dns->object->cluster_ips, dns->object->cluster_ip_count);
}

static void state_node(struct json *j, const struct daemon *d)
{
	const struct ranges_config ranges = {&d->config->service_cidrs, &d->config->cluster_cidrs};
	struct cidr_list services = {0};
	size_t pod_cidr_count, network_count;
	const struct cidr *pod_cidrs = dispatch_pod_cidrs(d, &pod_cidr_count);
	const struct cidr *networks = dispatch_networks(d, &network_count);

	ranges_services(&services, &ranges, d->store);
	json_string(j, "node", d->config->node_name);
	json_bool(j, "masqueradeAll", d->config->masquerade_all);
	json_cidrs(j, "serviceCIDRs", services.items, services.count);
	json_cidrs(j, "podCIDRs", pod_cidrs, pod_cidr_count);
	json_cidrs(j, "networks", networks, networks != NULL ? network_count : 0);
	json_addrs(j, "nodePortAddresses", d->node.facts.node_port_addrs, d->node.facts.node_port_addr_count);
	free(services.items);
}

static void state_json(struct json *j, const struct daemon *d)
{
	json_object(j, "source");
	source_json(&d->source, j);
	json_end(j);
	json_bool(j, "complete", store_is_complete(d->store));
	json_bool(j, "ready", daemon_ready(d));
	json_bool(j, "proxy", d->nft != NULL);
	json_string(j, "table", d->config->table);
	json_bool(j, "inSync", sync_stats(d->sync)->in_sync);
	state_dns(j, d);
	state_node(j, d);
}

/* ---- a Service ---- */

static const char *policy_name(enum traffic_policy policy)
{
	return policy == POLICY_LOCAL ? "Local" : "Cluster";
}

static void object_ports(struct json *j, const struct service_object *o)
{
	json_array(j, "ports");
	for (size_t i = 0; i < o->port_count; i++) {
		json_object(j, NULL);
		json_string(j, "name", o->ports[i].name);
		json_string(j, "protocol", proto_name(o->ports[i].proto));
		json_number(j, "port", o->ports[i].port);
		json_number(j, "nodePort", o->ports[i].node_port);
		json_string(j, "targetPort", o->ports[i].target_port);
		json_end(j);
	}
	json_end(j);
}

/* What the source says, beside what was made of it. */
static void object_json(struct json *j, const struct store_service *service)
{
	static const char *const types[] = {[SERVICE_CLUSTER_IP] = "ClusterIP",
					    [SERVICE_NODE_PORT] = "NodePort",
					    [SERVICE_LOAD_BALANCER] = "LoadBalancer",
					    [SERVICE_EXTERNAL_NAME] = "ExternalName"};
	const struct service_object *o = service->object;
	size_t endpoints = 0;

	json_object(j, "object");
	json_string(j, "type", types[o->type]);
	json_bool(j, "headless", o->headless);
	json_string(j, "externalTrafficPolicy", policy_name(o->external_policy));
	json_string(j, "internalTrafficPolicy", policy_name(o->internal_policy));
	json_string(j, "refusal", service->refusal);
	object_ports(j, o);
	for (size_t i = 0; i < service->slice_count; i++)
		endpoints += service->slices[i]->endpoint_count;
	if (service->appeared_ms != 0)
		json_number(j, "appearedMillisAgo", (int64_t)(clock_ms() - service->appeared_ms));
	json_number(j, "slices", (int64_t)service->slice_count);
	json_number(j, "sliceEndpoints", (int64_t)endpoints);
	json_end(j);
}

static void element_json(struct json *j, const struct element *e)
{
	char text[ELEMENT_TEXT_BYTES];

	json_object(j, NULL);
	json_number(j, "set", e->set);
	json_addr(j, "address", &e->daddr);
	json_number(j, "protocol", e->proto);
	json_number(j, "port", e->port);
	json_number(j, "slot", e->slot);
	json_string(j, "text", element_format(e, text));
	json_end(j);
}

/* What the kernel is meant to have, but for ranges: those cannot be asked for one by one. */
static void elements_json(struct json *j, const struct daemon *d, const struct service *s)
{
	struct element_list list = {0};

	if (d->nft != NULL)
		elements_collect(&list, s, sync_owners(d->sync));
	json_array(j, "elements");
	for (size_t i = 0; i < list.count && i < EXPLAIN_ELEMENTS_MAX; i++)
		if (list.items[i].set != SET_ALLOWED_SOURCES)
			element_json(j, &list.items[i]);
	json_end(j);
	element_list_fini(&list);
}

/* What pods say of themselves; only those of this node are known, or of all with manifests. */
static void troubles_json(struct json *j, const struct daemon *d, const struct store_service *service)
{
	size_t count = 0;

	json_array(j, "troubles");
	for (size_t i = 0; i < service->slice_count; i++)
		for (size_t k = 0; k < service->slices[i]->endpoint_count && count < EXPLAIN_TROUBLES_MAX; k++) {
			const struct endpoint_object *e = &service->slices[i]->endpoints[k];
			const struct pod_object *pod = e->ready ? NULL : pod_addrs_find(&d->pods, &e->addr);
			if (pod == NULL || pod->trouble == NULL)
				continue;
			json_object(j, NULL);
			json_addr(j, "address", &e->addr);
			json_string(j, "pod", pod->object.name);
			json_string(j, "reason", pod->trouble);
			json_end(j);
			count++;
		}
	json_end(j);
}

static void service_more(struct json *j, void *ctx, const struct service *s)
{
	const struct daemon *d = ctx;
	const struct store_service *service = store_service(d->store, s->ns, s->name);

	if (service == NULL || service->object == NULL)
		return;
	print_unused_json(j, d->store, service);
	troubles_json(j, d, service);
	object_json(j, service);
	elements_json(j, d, s);
}

static bool announced(void *ctx, const struct frontend *f, bool *is_announced, struct buf *text)
{
	const struct daemon *d = ctx;

	return announce_note(d->announce, f, is_announced, text);
}

static void service_json(struct json *j, struct daemon *d, const struct store_service *service)
{
	const struct show_context view = {
		.owners = sync_owners(d->sync), .announced = announced, .more = service_more, .ctx = d};

	if (service->current != NULL) {
		print_service_json(j, NULL, service->current, &view);
		return;
	}
	json_object(j, NULL); /* nothing of it is programmed */
	json_string(j, "namespace", service->ns);
	json_string(j, "name", service->name);
	print_unused_json(j, d->store, service);
	object_json(j, service);
	json_end(j);
}

/* ---- which Services ---- */

static void namesakes_json(struct json *j, const struct daemon *d, const char *ns, const char *name)
{
	const struct store_service *other;
	size_t at = 0, count = 0;

	json_array(j, "namesakes");
	while (count < EXPLAIN_NAMESAKES_MAX && (other = store_next_service(d->store, &at)) != NULL) {
		if (other->object == NULL || strcmp(other->name, name) != 0 || strcmp(other->ns, ns) == 0)
			continue;
		json_string(j, NULL, other->ns);
		count++;
	}
	json_end(j);
}

static void by_name(struct json *j, struct daemon *d, char *which)
{
	char *name = strchr(which, '/');
	const struct store_service *service;

	if (name == NULL)
		return;
	*name++ = '\0';
	service = store_service(d->store, which, name);
	json_array(j, "services");
	if (service != NULL && service->object != NULL)
		service_json(j, d, service);
	json_end(j);
	namesakes_json(j, d, which, name);
}

/* Serves the address, whatever the port, or asks for it; or has the port as a node port, where the address is none of a
 * Service. */
static bool has_address(const struct service *s, const struct addr *addr, uint16_t port, bool node_port)
{
	for (size_t i = 0; i < s->frontend_count; i++) {
		const struct frontend *f = &s->frontends[i];
		if (!node_port && addr_equal(&f->key.addr, addr) && f->kind != FRONTEND_NODE_PORT)
			return true;
		if (node_port && f->kind == FRONTEND_NODE_PORT && f->key.port == port)
			return true;
	}
	for (size_t i = 0; !node_port && i < s->note_count; i++)
		if (addr_equal(&s->notes[i].addr, addr))
			return true;
	return false;
}

static size_t list_address(struct json *j, struct daemon *d, const struct addr *addr, uint16_t port, bool node_port)
{
	const struct store_service *service;
	size_t at = 0, count = 0;

	while (count < EXPLAIN_SERVICES_MAX && (service = store_next_service(d->store, &at)) != NULL) {
		if (service->current == NULL || service->object == NULL ||
		    !has_address(service->current, addr, port, node_port))
			continue;
		service_json(j, d, service);
		count++;
	}
	return count;
}

static void by_address(struct json *j, struct daemon *d, const char *address, const char *port)
{
	struct addr addr;

	if (!addr_parse(&addr, address))
		return;
	json_array(j, "services");
	if (list_address(j, d, &addr, 0, false) == 0)
		list_address(j, d, &addr, (uint16_t)strtoul(port, NULL, 10), true);
	json_end(j);
}

int control_explain(void *ctx, int argc, char **argv, struct buf *out)
{
	const char *kind = argc > 1 ? argv[1] : "";
	struct daemon *d = ctx;
	struct json j = {.out = out};

	json_object(&j, NULL);
	state_json(&j, d);
	if (argc > 2 && strcmp(kind, "service") == 0)
		by_name(&j, d, argv[2]);
	else if (argc > 3 && strcmp(kind, "address") == 0)
		by_address(&j, d, argv[2], argv[3]);
	json_end(&j);
	buf_puts(out, "\n");
	return 0;
}

/* ---- a client ---- */

static const struct pod_object *pod_find(const struct daemon *d, char *which)
{
	char *name = strchr(which, '/');
	struct addr addr;

	if (name == NULL)
		return addr_parse(&addr, which) ? pod_addrs_find(&d->pods, &addr) : NULL;
	*name = '\0';
	const struct object *pod = store_object(d->store, OBJECT_POD, which, name + 1);
	*name = '/';
	return (const struct pod_object *)(const void *)pod;
}

int control_explain_client(void *ctx, int argc, char **argv, struct buf *out)
{
	const struct pod_object *pod = argc > 1 ? pod_find(ctx, argv[1]) : NULL;
	struct json j = {.out = out};

	if (pod == NULL)
		return 1;
	json_object(&j, NULL);
	json_string(&j, "namespace", pod->object.ns);
	json_string(&j, "name", pod->object.name);
	json_addrs(&j, "addresses", pod->addrs, pod->addr_count);
	json_bool(&j, "hostNetwork", pod->host_network);
	json_end(&j);
	buf_puts(out, "\n");
	return 0;
}
