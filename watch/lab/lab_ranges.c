/* The ranges that ClusterIPs are allocated from. */
#include <stdlib.h>
#include <string.h>

#include "watch/lab/lab_private.h"

#define DEFAULT_NAME "kubernetes" /* as the API server's own */

static const struct cidr defaults[] = {
	{{AF_INET, {10, 96}}, 16},			/* kubeadm's */
	{{AF_INET6, {0xfd, 0, 0, 0x10, 0, 0x96}}, 112}, /* kind's */
};
#define DEFAULTS (sizeof defaults / sizeof *defaults)

void lab_ranges_upsert(struct lab *l, struct object *o)
{
	struct object *copy = (struct object *)(uintptr_t)object_hold(o);
	struct object *before = map_put_str(&l->cidrs, copy->name, copy);

	object_free(before);
	if (strcmp(o->name, DEFAULT_NAME) == 0)
		l->default_shown = false; /* this one replaces it */
	l->ranges_changed = true;
	l->config.next.upsert(l->config.next.ctx, o);
}

void lab_ranges_remove(struct lab *l, const char *name)
{
	object_free(map_del_str(&l->cidrs, name));
	l->ranges_changed = true;
	l->config.next.remove(l->config.next.ctx, OBJECT_SERVICE_CIDR, "", name);
}

static int by_name(const void *a, const void *b)
{
	const struct object *x = *(const struct object *const *)a, *y = *(const struct object *const *)b;

	return strcmp(x->name, y->name);
}

/* Of all objects, in the order of their names; freed by the caller. */
static struct cidr_list collect(const struct lab *l)
{
	const struct service_cidr_object **all = mem_array(map_count(&l->cidrs) + 1, sizeof *all);
	struct cidr_list list = {0};
	size_t at = 0, count = 0, most = 0;

	while ((all[count] = map_next(&l->cidrs, &at)) != NULL)
		most += all[count++]->cidr_count;
	qsort(all, count, sizeof *all, by_name);
	list.items = mem_array(most + 1, sizeof *list.items);
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < all[i]->cidr_count; k++)
			list.items[list.count++] = all[i]->cidrs[k];
	free(all);
	return list;
}

static bool uses_defaults(const struct lab *l)
{
	return l->config.service_cidrs->count == 0 && map_count(&l->cidrs) == 0;
}

void lab_ranges_settle(struct lab *l)
{
	struct cidr_list of_objects = collect(l), list = *l->config.service_cidrs;

	if (list.count == 0)
		list = of_objects;
	if (list.count == 0)
		list = (struct cidr_list){DEFAULTS, (struct cidr *)(uintptr_t)defaults};
	lab_pools_set(&l->allocator.services, &list, range_services);
	allocator_families(&l->allocator);
	free(of_objects.items);
	l->ranges_changed = false;
	lab_services_mark_all(l);
}

static bool any_from_defaults(const struct lab *l)
{
	const struct lab_service *s;
	size_t at = 0;

	while ((s = map_next(&l->services, &at)) != NULL)
		if (s->raw != NULL && (s->had.cluster_ips[0].family != 0 || s->had.cluster_ips[1].family != 0))
			return true;
	return false;
}

void lab_ranges_show(struct lab *l)
{
	static const struct service_cidr_object o = {
		.object = {.kind = OBJECT_SERVICE_CIDR, .ns = "", .name = DEFAULT_NAME},
		.cidr_count = DEFAULTS,
		.cidrs = defaults};
	const bool show = uses_defaults(l) && any_from_defaults(l);

	if (show == l->default_shown)
		return;
	l->default_shown = show;
	if (show) {
		l->config.next.upsert(l->config.next.ctx, pack_copy(&l->pack, &o.object));
	} else {
		l->config.next.remove(l->config.next.ctx, OBJECT_SERVICE_CIDR, "", DEFAULT_NAME);
	}
}

void lab_ranges_fini(struct lab *l)
{
	struct object *o;
	size_t at = 0;

	while ((o = map_next(&l->cidrs, &at)) != NULL)
		object_free(o);
	map_fini(&l->cidrs);
}
