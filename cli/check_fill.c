/* Manifests filled in as the daemon fills them in. */
#include <stdio.h>

#include "cli/check_objects_private.h"
#include "watch/lab/lab.h"

struct filling {
	struct report *r;
	struct map served; /* Services that slices are of, by "ns/name" */
};

static struct located *find(const struct filling *f, enum object_kind kind, const char *ns, const char *name)
{
	char key[512];

	if (kind == OBJECT_SERVICE) {
		snprintf(key, sizeof key, "%s/%s", ns, name);
		return map_get_str(&f->r->c->services, key);
	}
	snprintf(key, sizeof key, "%s %s/%s", object_kind_name(kind), ns, name);
	return map_get_str(&f->r->c->others, key);
}

static void served_add(struct filling *f, const struct slice_object *slice)
{
	char *key = arena_printf(f->r->arena, "%s/%s", slice->object.ns, slice->service_name);

	map_put_str(&f->served, key, key);
}

static void on_upsert(void *ctx, struct object *o)
{
	if (o->kind == OBJECT_SLICE)
		served_add(ctx, (const struct slice_object *)o);
	struct located *l = o->kind == OBJECT_SERVICE ? find(ctx, OBJECT_SERVICE, o->ns, o->name) : NULL;

	if (l == NULL) {
		object_free(o);
		return;
	}
	object_free(l->o);
	l->o = o;
}

static void on_remove(void *ctx, enum object_kind kind, const char *ns, const char *name)
{
	(void)ctx, (void)kind, (void)ns, (void)name;
}

static void on_turn_end(void *ctx)
{
	(void)ctx;
}

static void on_problem(void *ctx, enum object_kind kind, const struct decode_problem *p)
{
	const struct filling *f = ctx;
	const struct located *l = find(f, kind, p->ns, p->name);
	struct decode_problem located = *p;

	if (l == NULL)
		return;
	located.line = l->line;
	f->r->tell(f->r->ctx, l->file, &located);
}

static void give(const struct sink *to, const struct map *from)
{
	const struct located *l;
	size_t at = 0;

	while ((l = map_next(from, &at)) != NULL)
		to->upsert(to->ctx, (struct object *)(uintptr_t)object_hold(l->o));
}

/* Those that must have endpoints from Pods; what is filled in does not say so any more. */
static const struct located **selecting(struct report *r, size_t *count)
{
	const struct located **all = arena_array(r->arena, map_count(&r->c->services), sizeof *all), *l;
	size_t at = 0;

	*count = 0;
	while ((l = map_next(&r->c->services, &at)) != NULL)
		if (service_of(l)->type != SERVICE_EXTERNAL_NAME &&
		    service_wishes(service_of(l))->selector_count != 0 &&
		    service_wishes(service_of(l))->given_count == 0)
			all[(*count)++] = l;
	return all;
}

static void look_at_unserved(struct filling *f, const struct located *const *all, size_t count)
{
	const struct located *slice;

	for (size_t at = 0; (slice = map_next(&f->r->c->slices, &at)) != NULL;)
		served_add(f, (const struct slice_object *)slice->o);
	for (size_t i = 0; i < count; i++)
		if (map_get_str(&f->served, all[i]->key) == NULL)
			say(f->r, all[i], "spec.selector",
			    "no endpoints: no Pod here has these labels and an address, and no EndpointSlice is of it");
	map_fini(&f->served);
}

void check_fill(struct report *r, const struct config *config)
{
	struct filling f = {.r = r};
	size_t count;
	const struct located **all = selecting(r, &count);
	const struct lab_config lab = {
		.next = {.ctx = &f, .upsert = on_upsert, .remove = on_remove, .turn_end = on_turn_end},
		.service_cidrs = &config->service_cidrs,
		.balancer_cidrs = &config->lb_pool,
		.node_port_first = config->node_port_first,
		.node_port_last = config->node_port_last,
		.exec_probes = config->allow_exec_probes,
		.problem = on_problem,
		.ctx = &f};
	const char *wrong;
	struct lab *l = lab_new(&lab, NULL, 0, &wrong);

	give(lab_sink(l), &r->c->others);
	give(lab_sink(l), &r->c->services);
	lab_sink(l)->turn_end(lab_sink(l)->ctx);
	lab_free(l);
	look_at_unserved(&f, all, count);
}
