/* Sorted arrays that the compiler looks ports up in. */
#include "service/compile_index.h"

#include <stdlib.h>
#include <string.h>

#include "service/compile_build.h"

static int feed_compare(const struct feed *a, const char *name, uint8_t proto)
{
	int c = strcmp(a->name, name);

	return c != 0 ? c : (a->proto > proto) - (a->proto < proto);
}

static int by_feed(const void *a, const void *b)
{
	const struct feed *x = a, *y = b;
	int c = feed_compare(x, y->name, y->proto);

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

static void index_before(struct build *b)
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

void compile_index_feeds(struct build *b)
{
	struct compile_index *x = &b->index;
	size_t most = 0;

	for (size_t i = 0; i < b->in->slice_count; i++)
		most += b->slices[i]->port_count;
	x->feeds = arena_array(b->scratch, most, sizeof *x->feeds);
	for (size_t i = 0; i < b->in->slice_count; i++) {
		const struct slice_object *slice = b->slices[i];
		uint64_t weight = compile_index_weight(slice);
		for (size_t k = 0; !slice->headless_label && k < slice->port_count; k++) {
			const struct slice_port_object *p = &slice->ports[k];
			x->feeds[x->feed_count] =
				(struct feed){p->name, p->proto, p->port, (uint32_t)x->feed_count, slice, weight};
			x->feed_count++;
		}
	}
	qsort(x->feeds, x->feed_count, sizeof *x->feeds, by_feed);
	index_before(b);
}

void compile_index_frontends(struct build *b)
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

size_t compile_index_find(const struct build *b, const char *name, uint8_t proto, const struct feed **first)
{
	const struct compile_index *x = &b->index;
	size_t low = 0, high = x->feed_count, count = 0;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (feed_compare(&x->feeds[middle], name, proto) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	while (low + count < x->feed_count && feed_compare(&x->feeds[low + count], name, proto) == 0)
		count++;
	*first = x->feeds + low;
	return count;
}

const struct service_port *compile_index_before(const struct build *b, const struct service_port *port)
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
