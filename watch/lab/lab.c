/* Stands between manifests and the store. */
#include "watch/lab/lab.h"

#include <stdlib.h>

#include "base/clock.h"
#include "watch/lab/kept.h"
#include "watch/lab/lab_private.h"

#define TURN_NS 5000000 /* of the main thread, for slices and then for workloads */

/* Many Pods times many Services is a long turn. */
static uint64_t until_ns(const struct lab *l)
{
	return l->told_complete && l->config.more != NULL ? clock_ns() + TURN_NS : UINT64_MAX;
}

static void settle(struct lab *l)
{
	if (l->ranges_changed)
		lab_ranges_settle(l);
	if (l->dirty_count != 0) {
		l->turn++;
		lab_services_settle(l);
		lab_ranges_show(l);
	}
	lab_pick_settle(l, until_ns(l));
	if (l->gone_count != 0)
		lab_gone_forget(l);
	lab_workloads_settle(l, until_ns(l));
	if (l->pick_count != 0 || l->workloads_left)
		l->config.more(l->config.ctx);
}

static bool is_workload(enum object_kind kind)
{
	return kind >= OBJECT_KINDS;
}

static void on_upsert(void *ctx, struct object *o)
{
	struct lab *l = ctx;

	if (o->kind == OBJECT_SERVICE)
		lab_services_upsert(l, o);
	else if (o->kind == OBJECT_SERVICE_CIDR)
		lab_ranges_upsert(l, o);
	else if (o->kind == OBJECT_POD)
		lab_pods_upsert(l, o);
	else if (o->kind == OBJECT_NODE)
		lab_nodes_upsert(l, o);
	else if (is_workload(o->kind))
		lab_workloads_upsert(l, o);
	else
		l->config.next.upsert(l->config.next.ctx, o);
}

static void on_remove(void *ctx, enum object_kind kind, const char *ns, const char *name)
{
	struct lab *l = ctx;

	if (kind == OBJECT_SERVICE)
		lab_services_remove(l, ns, name);
	else if (kind == OBJECT_SERVICE_CIDR)
		lab_ranges_remove(l, name);
	else if (kind == OBJECT_POD)
		lab_pods_remove(l, ns, name);
	else if (kind == OBJECT_NODE)
		lab_nodes_remove(l, name);
	else if (is_workload(kind))
		lab_workloads_remove(l, kind, ns, name);
	else
		l->config.next.remove(l->config.next.ctx, kind, ns, name);
}

static void on_keep(void *ctx, enum object_kind kind, const char *ns, const char *name)
{
	struct lab *l = ctx;

	l->config.next.keep(l->config.next.ctx, kind, ns, name);
}

static void on_list_begin(void *ctx, enum object_kind kind)
{
	struct lab *l = ctx;

	l->config.next.list_begin(l->config.next.ctx, kind);
}

/* What the lists say is known when the first of them ends: the source begins all, then tells all. */
static void on_list_end(void *ctx, enum object_kind kind)
{
	struct lab *l = ctx;

	settle(l);
	l->config.next.list_end(l->config.next.ctx, kind);
}

static void on_complete(void *ctx)
{
	struct lab *l = ctx;

	l->told_complete = true;
	l->complete_waits = l->config.probes != NULL && l->config.probes->starting(l->config.probes->ctx);
	if (!l->complete_waits)
		l->config.next.complete(l->config.next.ctx);
}

/* Until then the kernel keeps what it has: endpoints that were in use at a restart stay so. */
static void complete_if_due(struct lab *l)
{
	if (!l->complete_waits || l->config.probes->starting(l->config.probes->ctx))
		return;
	l->complete_waits = false;
	l->config.next.complete(l->config.next.ctx);
}

static void on_turn_end(void *ctx)
{
	struct lab *l = ctx;

	settle(l);
	complete_if_due(l);
	l->config.next.turn_end(l->config.next.ctx);
	lab_services_keep(l); /* after the kernel: it writes a file */
}

const struct sink *lab_sink(const struct lab *l)
{
	return &l->sink;
}

static void remember(void *ctx, const struct kept_service *kept)
{
	lab_services_remember(ctx, kept);
}

struct lab *lab_new(const struct lab_config *config, const char *kept, size_t kept_bytes, const char **wrong)
{
	struct lab *l = mem_alloc(sizeof *l);

	l->config = *config;
	l->sink = (struct sink){.ctx = l,
				.upsert = on_upsert,
				.remove = on_remove,
				.keep = on_keep,
				.list_begin = on_list_begin,
				.list_end = on_list_end,
				.complete = on_complete,
				.turn_end = on_turn_end};
	l->scratch = arena_new(4096);
	lab_pools_set(&l->allocator.balancers, config->balancer_cidrs, range_pool);
	l->allocator.node_ports.range = range_ports(config->node_port_first, config->node_port_last);
	l->ranges_changed = true;
	*wrong = kept != NULL ? kept_read(kept, kept_bytes, remember, l) : NULL;
	return l;
}

void lab_free(struct lab *l)
{
	if (l == NULL)
		return;
	lab_services_fini(l);
	lab_pods_fini(l);
	lab_workloads_fini(l);
	lab_ranges_fini(l);
	allocator_fini(&l->allocator);
	pack_fini(&l->pack);
	buf_fini(&l->problems);
	arena_free(l->scratch);
	free(l);
}
