/* Makes the list of networks that DNS answers. */
#include "daemon/dns_clients.h"

#include <stdlib.h>

#include "base/log.h"
#include "dns/zone/clients.h"
#include "proxy/ranges.h"

static void add_hosts(struct cidr_list *list, const struct addr *addrs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct cidr host = cidr_host(&addrs[i]);
		ranges_add(list, &host, 1);
	}
}

/* This host, what is on its links, and the addresses of every known node. */
static void add_nodes(struct cidr_list *list, const struct daemon *d)
{
	const struct node_object *node;
	size_t count, at = 0;
	const struct addr *addrs = hostaddr_list(d->host, &count);

	add_hosts(list, addrs, count);
	const struct cidr *networks = hostaddr_networks(d->host, &count);
	ranges_add(list, networks, count);
	add_hosts(list, d->config->node_ips.items, d->config->node_ips.count);
	while ((node = (const struct node_object *)store_next(d->store, OBJECT_NODE, &at)) != NULL) {
		add_hosts(list, node->addrs, node->addr_count);
		ranges_add(list, node->pod_cidrs, node->pod_cidr_count);
	}
}

static void add_default(struct cidr_list *list, const struct daemon *d)
{
	/* RFC 1918, shared (RFC 6598), link-local, unique local */
	static const struct cidr private[] = {
		{{AF_INET, {10}}, 8},		{{AF_INET, {172, 16}}, 12},  {{AF_INET, {192, 168}}, 16},
		{{AF_INET, {100, 64}}, 10},	{{AF_INET, {169, 254}}, 16}, {{AF_INET6, {0xfc}}, 7},
		{{AF_INET6, {0xfe, 0x80}}, 10},
	};
	const struct ranges_config ranges = {&d->config->service_cidrs, &d->config->cluster_cidrs};

	ranges_add(list, private, sizeof private / sizeof *private);
	ranges_known(list, &ranges, &d->node, d->store);
	add_nodes(list, d);
}

void dns_clients_update(struct daemon *d)
{
	static const struct cidr loopback[] = {{{AF_INET, {127}}, 8}, {{AF_INET6, {[15] = 1}}, 128}};
	const struct cidr_list *allow = &d->config->dns_allow;
	struct cidr_list list = {0};

	d->clients_changed = false;
	if (d->clients == NULL)
		return;
	ranges_add(&list, loopback, 2);
	if (allow->count > 0)
		ranges_add(&list, allow->items, allow->count);
	else
		add_default(&list, d);
	if (clients_set(d->clients, list.items, list.count))
		log_debug("dns: clients of %zu ranges are known", list.count);
	free(list.items);
}
