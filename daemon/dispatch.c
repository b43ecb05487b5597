/* Hands changed objects and host addresses to the parts that need them. */
#include "daemon/dispatch.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/read_file.h"
#include "daemon/announce.h"
#include "daemon/dns_clients.h"
#include "daemon/steering.h"

#define NODE_PORTS_SAID 4u

const struct cidr *dispatch_pod_cidrs(const struct daemon *d, size_t *count)
{
	const struct config *c = d->config;
	bool by_node = c->detect_mode == MODE_NODE_CIDR;

	*count = by_node ? d->node.pod_cidr_count : c->cluster_cidrs.count;
	if (*count > RULESET_CIDRS_MAX)
		*count = RULESET_CIDRS_MAX; /* a Node has at most one per family; flags are checked */
	return by_node ? d->node.pod_cidrs : c->cluster_cidrs.items;
}

static void pod_cidrs_changed(struct daemon *d)
{
	const struct cidr *pod_cidrs;
	size_t count;

	sync_ranges_changed(d->sync); /* DNS answers for reverse names in there */
	if (d->nft == NULL || d->config->detect_mode != MODE_NODE_CIDR)
		return;
	pod_cidrs = dispatch_pod_cidrs(d, &count);
	nft_set_pod_cidrs(d->nft, pod_cidrs, count);
	sync_rules_changed(d->sync);
}

const struct cidr *dispatch_networks(const struct daemon *d, size_t *count)
{
	const struct config *c = d->config;

	*count = d->node.network_count < RULESET_CIDRS_MAX ? d->node.network_count : RULESET_CIDRS_MAX;
	if (c->manifests == NULL || c->detect_mode != MODE_CLUSTER_CIDR || c->cluster_cidrs.count != 0)
		return NULL;
	return d->node.networks;
}

static void networks_changed(struct daemon *d)
{
	size_t count;
	const struct cidr *networks = dispatch_networks(d, &count);

	if (d->nft == NULL || networks == NULL)
		return;
	nft_set_networks(d->nft, networks, count);
	sync_rules_changed(d->sync);
}

/* Of many addresses the first few; an operator who finds none here knows why node ports are not served. */
static void say_node_ports(const struct daemon *d)
{
	const struct node_facts *n = &d->node.facts;
	char text[ADDR_TEXT_BYTES];
	struct buf list = {0};

	for (size_t i = 0; i < n->node_port_addr_count && i < NODE_PORTS_SAID; i++)
		buf_printf(&list, "%s%s", i != 0 ? ", " : "", addr_format(&n->node_port_addrs[i], text));
	if (n->node_port_addr_count > NODE_PORTS_SAID)
		buf_printf(&list, " and %zu more", n->node_port_addr_count - NODE_PORTS_SAID);
	const char *why = !d->config->nodeports.inner ? ""
			  : d->node.ports_inner	      ? ", behind this gateway (see --nodeport-addresses)"
						      : ", the primary address (see --nodeport-addresses)";
	if (n->node_port_addr_count != 0)
		log_info("node ports: on %s%s", list.data, why);
	else if (!nodeports_want_loopback(&d->config->nodeports))
		log_warn("node ports: on no address: this node has none of --nodeport-addresses %s (see --node-ip)",
			 d->config->nodeport_addresses);
	buf_fini(&list);
}

void dispatch_complete(struct daemon *d)
{
	if (!d->config->no_proxy)
		say_node_ports(d);
}

static bool forwards(int family)
{
	size_t length;
	char *text = read_file(family == AF_INET ? "/proc/sys/net/ipv4/ip_forward"
						 : "/proc/sys/net/ipv6/conf/all/forwarding",
			       16, &length);
	bool on = text != NULL && text[0] != '0';

	free(text);
	return on;
}

/* Addresses behind this gateway, of families that it forwards; freed by the caller. */
static struct addr *forwarded_inner(const struct hostaddr *host, size_t *count)
{
	size_t all_count;
	const struct addr *all = hostaddr_inner(host, &all_count);
	struct addr *inner = mem_array(all_count + 1, sizeof *inner);
	const bool on[2] = {forwards(AF_INET), forwards(AF_INET6)};

	*count = 0;
	for (size_t i = 0; i < all_count; i++)
		if (on[all[i].family == AF_INET6])
			inner[(*count)++] = all[i];
	return inner;
}

void dispatch_node(struct daemon *d)
{
	struct node_input in = {
		.name = d->config->node_name,
		.ips = &d->config->node_ips,
		.nodeports = &d->config->nodeports,
		.object = (const struct node_object *)store_object(d->store, OBJECT_NODE, "", d->config->node_name)};
	const struct ranges_config ranges = {&d->config->service_cidrs, &d->config->cluster_cidrs};
	struct cidr_list service_cidrs = {0};
	struct store_service *service;
	size_t at = 0;

	needs_update(&d->needs, d->store);
	ranges_services(&service_cidrs, &ranges, d->store);
	in.service_cidrs = &service_cidrs;
	in.needed = d->needs.items;
	in.needed_count = d->needs.count;
	in.own = d->needs.own;
	in.own_count = d->needs.own_count;
	in.external = &d->config->external;
	in.steered = steering_view(d);
	in.host = hostaddr_list(d->host, &in.host_count);
	struct addr *inner = forwarded_inner(d->host, &in.inner_count);
	in.inner = inner;
	in.routes = hostaddr_routes(d->host, &in.route_count);
	in.networks = hostaddr_networks(d->host, &in.network_count);
	unsigned changes = node_update(&d->node, &in);
	free(service_cidrs.items);
	free(inner);
	observe_node(d->observe, &d->node, in.object);
	dns_clients_update(d);
	if ((changes & NODE_POD_CIDRS) != 0)
		pod_cidrs_changed(d);
	if ((changes & NODE_NETWORKS) != 0)
		networks_changed(d);
	if ((changes & (NODE_IPS | NODE_HOST)) != 0)
		announce_changed(d->announce);
	if ((changes & NODE_PORT_ADDRS) != 0 && store_is_complete(d->store))
		dispatch_complete(d);
	while (changes != 0 && (service = store_next_service(d->store, &at)) != NULL)
		if (node_matters(&d->node, changes, service->object, service->slice_count, service->slices))
			store_mark(d->store, service);
}

/* DNS knows the pod that has the address now. */
static void show_pods(struct daemon *d, const struct pod_object *of)
{
	for (size_t i = 0; of != NULL && i < of->addr_count; i++) {
		const struct pod_object *now = pod_addrs_find(&d->pods, &of->addrs[i]);
		const struct zone_pod pod = {.ns = now != NULL ? now->object.ns : NULL,
					     .name = now != NULL ? now->object.name : NULL,
					     .own_search = now != NULL && now->own_search};
		zone_pod_set(d->zone, &of->addrs[i], now != NULL ? &pod : NULL);
	}
}

static void pod_changed(struct daemon *d, const struct pod_object *prev, const struct pod_object *next)
{
	pod_addrs_change(&d->pods, prev, next);
	show_pods(d, prev);
	show_pods(d, next);
}

void dispatch_changed(void *ctx, const struct object *prev, const struct object *next)
{
	const struct object *o = next != NULL ? next : prev;
	struct daemon *d = ctx;

	sync_metrics_changed(d->sync_metrics, prev, next);
	source_changed(&d->source);
	switch (o->kind) {
	case OBJECT_NAMESPACE:
		zone_namespace_set(d->zone, o->name, next != NULL);
		break;
	case OBJECT_POD:
		pod_changed(d, (const struct pod_object *)prev, (const struct pod_object *)next);
		break;
	case OBJECT_NODE:
		if (strcmp(o->name, d->config->node_name) == 0)
			dispatch_node(d);
		else
			d->clients_changed = true;
		break;
	case OBJECT_SERVICE_CIDR:
		sync_ranges_changed(d->sync);
		dispatch_node(d);
		break;
	case OBJECT_SLICE: /* where the API servers are */
		if (strcmp(o->ns, "default") == 0 &&
		    strcmp(((const struct slice_object *)o)->service_name, "kubernetes") == 0)
			dispatch_node(d);
		break;
	default:
		break;
	}
}
