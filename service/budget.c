/* Counts what a Service asks of the kernel. */
#include "service/budget.h"

#include <sys/socket.h>

#include "nft/element.h"
#include "service/compile_private.h"
#include "service/maglev.h"

#define SLOTS_MAX 65536u
#define VERDICTS_MAX 4	  /* of a frontend: by source, local, internal, affinity */
#define NODE_PORT_ADDRS 2 /* of a family, for the size of Maglev tables: nodes that have fewer choose alike */

/* Addresses that one port of a family is dialled at. */
static uint64_t addresses(const struct compilation *b, const struct service_port *port)
{
	const struct service_object *o = b->in->object;
	const struct node_facts *node = b->in->node;
	uint64_t count = 1;

	for (size_t i = 0; i < o->ingress_count; i++)
		count += o->ingress[i].addr.family == port->family;
	for (size_t i = 0; i < o->external_ip_count; i++)
		count += o->external_ips[i].family == port->family;
	for (size_t i = 0; port->node_port != 0 && i < node->node_port_addr_count; i++)
		count += node->node_port_addrs[i].family == port->family;
	return count;
}

/* Lists of allowed sizes have products above 2^64: one that wraps would look small. */
static uint64_t times(uint64_t a, uint64_t b)
{
	uint64_t product;

	return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

static uint64_t plus(uint64_t a, uint64_t b)
{
	uint64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

static uint64_t slots(const struct compilation *b, struct feeds feeds)
{
	const uint64_t sum = feeds_weight(feeds);

	if (b->out.maglev && sum != 0)
		return maglev_size(build_maglev_fits(b), feeds_endpoints(feeds), sum);
	return sum < SLOTS_MAX ? sum : SLOTS_MAX;
}

/* Endpoints that repeat, or do not fit into the slots, are no elements, but are sorted all the same. */
static uint64_t port_count(const struct compilation *b, const struct service_port *port, uint64_t frontends)
{
	const struct feeds feeds = compile_index_find(b, port);
	const uint64_t pools = build_external_local(b) ? 2 : 1, endpoints = feeds_endpoints(feeds);
	const uint64_t each = slots(b, feeds) * pools + VERDICTS_MAX;
	const uint64_t elements = times(frontends, each);

	return elements > endpoints ? elements : endpoints;
}

static uint64_t health_count(const struct compilation *b)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < b->index.group_count; i++)
		sum = plus(sum, feeds_endpoints(b->index.groups[i]));
	return sum;
}

/* What DNS knows of the slices: each address and each port, whether proxied or not. */
static uint64_t dns_count(const struct compile_input *in)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < in->slice_count; i++) {
		const struct slice_object *slice = in->slices[i];
		sum += slice->port_count + slice->endpoint_count;
		for (size_t k = 0; k < slice->endpoint_count; k++)
			sum += endpoint_extra(&slice->endpoints[k])->more_addr_count;
	}
	return sum;
}

/* In what one of IPv4 counts. */
static uint64_t ranges_of(const struct service_object *o)
{
	uint64_t count = o->ingress_count;

	for (size_t i = 0; i < o->source_range_count; i++)
		count += o->source_ranges[i].addr.family == AF_INET6 ? BUDGET_RANGE6_COST : 1;
	return count;
}

/* The node's own access to a load balancer's address makes that address a range, too (compile_frontends.c). */
uint64_t budget_ranges(const struct compile_input *in)
{
	const struct service_object *o = in->object;
	uint64_t frontends = o->ingress_count;

	if (o->source_range_count == 0)
		return 0;
	if (o->source_ranges_everywhere)
		frontends += 2 + o->external_ip_count + in->node->node_port_addr_count;
	return times(times(o->port_count, frontends), ranges_of(o));
}

uint64_t budget_verdicts(const struct compile_input *in)
{
	const struct service_object *o = in->object;
	const uint64_t outside = o->ingress_count + o->external_ip_count;
	uint64_t frontends = times(o->port_count, o->cluster_ip_count + outside),
		 each = o->source_range_count != 0 ? 2 : 1;

	if (o->type == SERVICE_EXTERNAL_NAME || o->headless)
		return 0;
	for (size_t i = 0; i < o->port_count; i++)
		frontends += o->ports[i].node_port != 0 ? in->node->node_port_addr_count : 0;
	if (o->external_policy == POLICY_LOCAL)
		each = 3;
	return times(frontends, each + o->client_ip_affinity);
}

/* ---- Maglev ---- */

static uint64_t frontends_anywhere(const struct service_object *o)
{
	const uint64_t each = o->cluster_ip_count + o->ingress_count + o->external_ip_count;
	uint64_t sum = times(o->port_count, each);

	for (size_t i = 0; i < o->port_count; i++)
		sum += o->ports[i].node_port != 0 ? o->cluster_ip_count * NODE_PORT_ADDRS : 0;
	return sum;
}

uint32_t budget_maglev_size(const struct service_object *o, uint64_t max_elements)
{
	const struct node_facts any_node = {.node_port_addr_count = NODE_PORT_ADDRS * 2};
	const struct compile_input in = {.object = o, .node = &any_node};
	const uint64_t pools = o->external_policy == POLICY_LOCAL ? 2 : 1;
	const uint64_t others = plus(o->cluster_ip_count, times(budget_ranges(&in), BUDGET_RANGE_COST));
	const uint64_t frontends = frontends_anywhere(o);
	uint32_t size = MAGLEV_SIZE_MAX;

	while (max_elements != 0 && size > MAGLEV_SIZE_MIN &&
	       plus(times(frontends, size * pools + VERDICTS_MAX), others) > max_elements)
		size /= MAGLEV_SIZE_STEP;
	return size;
}

/* ---- the counts ---- */

uint64_t budget_rough(const struct compile_input *in)
{
	const struct service_object *o = in->object;
	uint64_t endpoints = o->balance == BALANCE_MAGLEV ? MAGLEV_SIZE_MAX : 0;
	uint64_t frontends = 2 + o->ingress_count + o->external_ip_count + in->node->node_port_addr_count;

	for (size_t i = 0; i < in->slice_count; i++)
		endpoints = plus(endpoints, times(in->slices[i]->port_count, compile_index_weight(in->slices[i])));
	return plus(times(times(o->port_count, frontends), plus(times(2, endpoints), VERDICTS_MAX)),
		    times(budget_ranges(in), BUDGET_RANGE_COST));
}

static uint64_t exact_count(const struct compile_input *in, struct arena *scratch)
{
	struct compilation b = build_start(in, scratch);
	uint64_t total = b.out.cluster_ip_count, frontends[2] = {0, 0};

	if (!b.out.proxied)
		return 0;
	compile_index_feeds(&b);
	compile_ports(&b);
	for (size_t i = 0; i < b.out.port_count; i++) {
		uint64_t *each = &frontends[b.ports[i].node_port != 0];
		if (i == 0 || b.ports[i].family != b.ports[i - 1].family)
			frontends[0] = frontends[1] = 0;
		if (*each == 0)
			*each = addresses(&b, &b.ports[i]);
		total = plus(total, port_count(&b, &b.ports[i], *each));
	}
	const uint64_t health = health_count(&b);
	return total > health ? total : health;
}

uint64_t budget_count(const struct compile_input *in, uint64_t exact_from, struct arena *scratch)
{
	uint64_t total = budget_rough(in), dns = dns_count(in);

	if (total > exact_from)
		total = plus(exact_count(in, scratch), times(budget_ranges(in), BUDGET_RANGE_COST));
	return total > dns ? total : dns;
}
