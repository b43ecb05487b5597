/* Sorted arrays that the compiler looks ports up in. */

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "service/compile_private.h"

static int key_compare(const struct feed *a, const char *name, uint8_t proto, int family)
{
	int c = strcmp(a->name, name);

	if (c == 0)
		c = (a->proto > proto) - (a->proto < proto);
	return c != 0 ? c : (a->slice->family > family) - (a->slice->family < family);
}

static int feed_compare(const struct feed *x, const struct feed *y)
{
	return key_compare(x, y->name, y->proto, y->slice->family);
}

static int by_feed(const void *a, const void *b)
{
	const struct feed *x = a, *y = b;
	int c = feed_compare(x, y);

	return c != 0 ? c : (x->order > y->order) - (x->order < y->order);
}

static int port_compare(const struct service_port *x, const struct service_port *y)
{
	int c = (int)x->family - (int)y->family;

	if (c == 0)
		c = (int)x->proto - (int)y->proto;
	return c != 0 ? c : (int)x->port - (int)y->port;
}

/* Of ports with the same number the first stays in front. */
static int by_port(const void *a, const void *b)
{
	const struct service_port *x = *(const struct service_port *const *)a;
	const struct service_port *y = *(const struct service_port *const *)b;
	int c = port_compare(x, y);

	return c != 0 ? c : (x > y) - (x < y);
}

static void index_before(struct compilation *b)
{
	const struct service *prev = b->in->prev;
	struct compile_index *x = &b->index;

	x->before_count = prev != NULL ? prev->port_count : 0;
	x->before = arena_array(b->scratch, x->before_count, sizeof *x->before);
	for (size_t i = 0; i < x->before_count; i++)
		x->before[i] = &prev->ports[i];
	qsort(x->before, x->before_count, sizeof *x->before, by_port);
}

uint64_t compile_index_weight(const struct slice_object *slice)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < slice->endpoint_count; i++)
		sum += slice->endpoints[i].weight != 0 ? slice->endpoints[i].weight : 1;
	return sum;
}

static void add_slice(struct compile_index *x, const struct slice_object *slice)
{
	const uint64_t weight = compile_index_weight(slice);

	if (slice->headless_label || slice->endpoint_count == 0)
		return;
	for (size_t i = 0; i < slice->port_count; i++) {
		const struct slice_port_object *p = &slice->ports[i];
		x->feeds[x->feed_count] = (struct feed){.name = p->name,
							.proto = p->proto,
							.port = p->port,
							.order = (uint32_t)x->feed_count,
							.slice = slice,
							.weight = weight};
		x->feed_count++;
	}
}

static void add_up(struct compile_index *x)
{
	uint64_t endpoints = 0, weight = 0;

	for (size_t i = 0; i < x->feed_count; i++) {
		x->feeds[i].endpoints_before = endpoints;
		x->feeds[i].weight_before = weight;
		endpoints += x->feeds[i].slice->endpoint_count;
		weight += x->feeds[i].weight;
	}
}

/* ---- groups ---- */

struct group {
	struct feeds feeds;
	uint64_t hash;
};

/* Slices by name, and which of them have the same number. Slices of a cluster's own controllers are all alike here. */
static uint64_t group_hash(struct feeds feeds)
{
	uint64_t hash = feeds.items[0].slice->family == AF_INET6;

	for (size_t i = 0; i < feeds.count; i++) {
		const struct {
			const struct slice_object *slice;
			uint64_t number;
		} part = {feeds.items[i].slice, (uint16_t)(feeds.items[i].port - feeds.items[0].port)};
		hash = hash_bytes(&part, sizeof part, hash);
	}
	return hash;
}

static int by_hash(const void *a, const void *b)
{
	const struct group *x = a, *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return (x->feeds.items > y->feeds.items) - (x->feeds.items < y->feeds.items);
}

static void index_groups(struct compilation *b)
{
	struct compile_index *x = &b->index;
	struct group *all = arena_array(b->scratch, x->feed_count, sizeof *all);
	size_t count = 0;

	for (size_t i = 0, next; i < x->feed_count; i = next) {
		for (next = i + 1; next < x->feed_count; next++)
			if (feed_compare(&x->feeds[i], &x->feeds[next]) != 0)
				break;
		all[count].feeds = (struct feeds){&x->feeds[i], next - i};
		all[count].hash = group_hash(all[count].feeds);
		count++;
	}
	qsort(all, count, sizeof *all, by_hash);
	x->groups = arena_array(b->scratch, count, sizeof *x->groups);
	for (size_t i = 0; i < count; i++)
		if (i == 0 || all[i].hash != all[i - 1].hash)
			x->groups[x->group_count++] = all[i].feeds;
}

void compile_index_feeds(struct compilation *b)
{
	struct compile_index *x = &b->index;
	size_t most = 0;

	for (size_t i = 0; i < b->in->slice_count; i++)
		most += b->slices[i]->port_count;
	x->feeds = arena_array(b->scratch, most, sizeof *x->feeds);
	for (size_t i = 0; i < b->in->slice_count; i++)
		add_slice(x, b->slices[i]);
	qsort(x->feeds, x->feed_count, sizeof *x->feeds, by_feed);
	add_up(x);
	if (b->out.health_check_node_port != 0)
		index_groups(b);
	index_before(b);
}

void compile_index_frontends(struct compilation *b)
{
	struct compile_index *x = &b->index;
	size_t ports = b->out.port_count;

	x->first = arena_array(b->scratch, ports + 2, sizeof *x->first);
	x->frontends = arena_array(b->scratch, b->out.frontend_count, sizeof *x->frontends);
	for (size_t i = 0; i < b->out.frontend_count; i++)
		x->first[b->frontends[i].service_port + 2]++;
	for (size_t i = 2; i < ports + 2; i++)
		x->first[i] += x->first[i - 1];
	for (size_t i = 0; i < b->out.frontend_count; i++)
		x->frontends[x->first[b->frontends[i].service_port + 1]++] = (uint32_t)i;
}

/* First feed that is not before the port's (or, with `behind`, the first behind all of them). */
static size_t feed_position(const struct compile_index *x, const struct service_port *port, bool behind)
{
	size_t low = 0, high = x->feed_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int c = key_compare(&x->feeds[middle], port->name, port->proto, port->family);
		if (c < 0 || (behind && c == 0))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct feeds compile_index_find(const struct compilation *b, const struct service_port *port)
{
	const size_t first = feed_position(&b->index, port, false);

	return (struct feeds){b->index.feeds + first, feed_position(&b->index, port, true) - first};
}

uint64_t feeds_endpoints(struct feeds feeds)
{
	const struct feed *last = feeds.items + feeds.count - 1;

	if (feeds.count == 0)
		return 0;
	return last->endpoints_before + last->slice->endpoint_count - feeds.items[0].endpoints_before;
}

uint64_t feeds_weight(struct feeds feeds)
{
	const struct feed *last = feeds.items + feeds.count - 1;

	return feeds.count != 0 ? last->weight_before + last->weight - feeds.items[0].weight_before : 0;
}

const struct service_port *compile_index_before(const struct compilation *b, const struct service_port *port)
{
	const struct compile_index *x = &b->index;
	size_t low = 0, high = x->before_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (port_compare(x->before[middle], port) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < x->before_count && port_compare(x->before[low], port) == 0 ? x->before[low] : NULL;
}
