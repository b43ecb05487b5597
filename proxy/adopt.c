/* Reads the kernel's table back and sends the differences. */
#include "proxy/adopt.h"

#include <errno.h>

#include "base/log.h"

static void on_element(void *ctx, const struct element *e)
{
	element_list_add(ctx, e);
}

int adopt_read(struct image *image, struct nft *nft, const struct table_parts *parts)
{
	int error = 0;

	element_list_clear(&image->elements);
	image->state = TABLE_OURS;
	image->sets = parts->sets;
	if (parts->rules)
		error = nft_table_state(nft, &image->state);
	if (error == 0 && image->state == TABLE_OURS)
		error = nft_dump(nft, image->sets, on_element, &image->elements);
	if (error == -EBADMSG) { /* elements that we never write */
		image->state = TABLE_OTHER;
		error = 0;
	}
	if (image->state != TABLE_OURS)
		image->sets = TABLE_SETS_ALL;
	if (error == 0 && image->state == TABLE_OTHER) {
		element_list_clear(&image->elements);
		nft_dump_frontends(nft, on_element, &image->elements);
	}
	return error;
}

/* ---- what a Service has ---- */

#define PLACE_END UINT32_MAX /* above every protocol and port */

static uint32_t place(uint8_t proto, uint16_t port)
{
	return (uint32_t)proto << 16 | port;
}

/* The first element not below that set, family, address and place: they are in this order. */
static size_t first_at(const struct element_list *l, enum set_id set, const struct addr *a, uint32_t at)
{
	const unsigned kind = set * 2u + (a->family == AF_INET6);
	size_t from = 0, to = l->count;

	while (from < to) {
		const size_t middle = from + (to - from) / 2;
		const struct element *e = &l->items[middle];
		bool below = element_kind(e) < kind;
		if (element_kind(e) == kind) {
			const int order = addr_compare(&e->daddr, a);
			below = order < 0 || (order == 0 && place(e->proto, e->port) < at);
		}
		if (below)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

static size_t count_at(const struct image *image, const struct addr *a, uint32_t from, uint32_t to)
{
	static const enum set_id sets[] = {SET_DISPATCH, SET_ENDPOINTS, SET_INTERNAL_ENDPOINTS, SET_CLUSTER_IPS};
	size_t sum = 0;

	for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
		sum += first_at(&image->elements, sets[i], a, to) - first_at(&image->elements, sets[i], a, from);
	return sum;
}

size_t adopt_count(const struct image *image, const struct compile_input *in)
{
	const struct service_object *o = in->object;
	const struct node_facts *node = in->node;
	size_t sum = 0;

	for (size_t i = 0; i < o->cluster_ip_count; i++)
		sum += count_at(image, &o->cluster_ips[i], 0, PLACE_END);
	for (size_t i = 0; i < o->external_ip_count; i++)
		sum += count_at(image, &o->external_ips[i], 0, PLACE_END);
	for (size_t i = 0; i < o->ingress_count; i++)
		sum += count_at(image, &o->ingress[i].addr, 0, PLACE_END);
	for (size_t i = 0; i < o->port_count; i++)
		for (size_t k = 0; o->ports[i].node_port != 0 && k < node->node_port_addr_count; k++) {
			const uint32_t at = place(o->ports[i].proto, o->ports[i].node_port);
			sum += count_at(image, &node->node_port_addrs[k], at, at + 1);
		}
	return sum;
}

/* ---- the differences ---- */

static void log_operation(const char *verb, const struct element *e)
{
	char text[ELEMENT_TEXT_BYTES];

	if (log_enabled(LOG_DEBUG))
		log_debug("kernel: %s element %s", verb, element_format(e, text));
}

void adopt_del(void *ctx, const struct element *e)
{
	log_operation("delete", e);
	nft_tx_del(ctx, e);
}

void adopt_add(void *ctx, const struct element *e)
{
	log_operation("add", e);
	nft_tx_add(ctx, e);
}

void adopt_diff(struct image *image, struct nft *nft)
{
	const struct element_ops ops = {.ctx = nft, .del = adopt_del, .add = adopt_add};

	if (image->state == TABLE_OURS)
		elements_reconcile(&image->want, &image->elements, &ops);
}

size_t adopt_operations(const struct image *image, const struct nft *nft)
{
	return image->state == TABLE_OURS ? nft_tx_count(nft) : image->want.count;
}

int adopt_commit(const struct image *image, struct nft *nft)
{
	if (image->state != TABLE_OURS)
		return nft_load(nft, image->want.items, image->want.count);
	return nft_tx_commit(nft);
}

void adopt_fini(struct image *image)
{
	element_list_fini(&image->elements);
	element_list_fini(&image->want);
	*image = (struct image){0};
}
