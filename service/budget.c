/* Counts what a Service asks of the kernel. */
#include "service/budget.h"

#include "nft/element.h"
#include "service/compile_build.h"
#include "service/maglev.h"

#define SLOTS_MAX 65536u
#define VERDICTS_MAX 4 /* of a frontend: by source, local, internal, affinity */

/* Addresses that one port of a family is dialled at. */
static uint64_t addresses(const struct build *b, const struct service_port *port)
{
	const struct service_object *o = b->in->object;
	const struct node_view *node = b->in->node;
	uint64_t count = 1;

	for (size_t i = 0; i < o->ingress_count; i++)
		count += o->ingress[i].addr.family == port->family;
	for (size_t i = 0; i < o->external_ip_count; i++)
		count += o->external_ips[i].family == port->family;
	for (size_t i = 0; port->node_port != 0 && i < node->node_port_addr_count; i++)
		count += node->node_port_addrs[i].family == port->family;
	return count;
}

static uint64_t slots(const struct build *b, const struct service_port *port)
{
	const struct feed *feeds;
	size_t count = compile_index_find(b, port->name, port->proto, &feeds);
	uint64_t sum = 0;

	for (size_t i = 0; i < count && sum < SLOTS_MAX; i++)
		if (feeds[i].slice->family == port->family)
			sum += feeds[i].weight;
	if (b->out.maglev && sum != 0)
		return sum <= MAGLEV_TURNS_MAX ? MAGLEV_SIZE_SMALL : MAGLEV_SIZE_LARGE;
	return sum < SLOTS_MAX ? sum : SLOTS_MAX;
}

static uint64_t port_count(const struct build *b, const struct service_port *port, uint64_t frontends)
{
	const struct service_object *o = b->in->object;
	uint64_t pools = build_external_local(b) ? 2 : 1;

	return frontends * (slots(b, port) * pools + VERDICTS_MAX + o->source_range_count);
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

/* Without looking at names: enough for all but a few Services. */
static uint64_t rough_count(const struct compile_input *in)
{
	const struct service_object *o = in->object;
	uint64_t endpoints = o->balance == BALANCE_MAGLEV ? MAGLEV_SIZE_LARGE : 0;
	uint64_t frontends = 2 + o->ingress_count + o->external_ip_count + in->node->node_port_addr_count;

	for (size_t i = 0; i < in->slice_count && o->balance != BALANCE_MAGLEV; i++)
		endpoints = plus(endpoints, times(in->slices[i]->port_count, compile_index_weight(in->slices[i])));
	return times(times(o->port_count, frontends), plus(times(2, endpoints), VERDICTS_MAX + o->source_range_count));
}

uint64_t budget_count(const struct compile_input *in, struct arena *scratch)
{
	uint64_t total = rough_count(in), frontends[2] = {0, 0};
	struct build b;

	if (in->max_elements != 0 && total <= in->max_elements)
		return total;
	b = build_start(in, scratch);
	if (!b.out.proxied)
		return 0;
	compile_index_feeds(&b);
	compile_ports(&b);
	total = b.out.cluster_ip_count;
	for (size_t i = 0; i < b.out.port_count; i++) {
		uint64_t *each = &frontends[b.ports[i].node_port != 0];
		if (i == 0 || b.ports[i].family != b.ports[i - 1].family)
			frontends[0] = frontends[1] = 0;
		if (*each == 0)
			*each = addresses(&b, &b.ports[i]);
		total += port_count(&b, &b.ports[i], *each);
	}
	return total;
}
