/* Manifests through watch/lab/, and what the store would be told: include after <cmocka.h>. */
#ifndef TESTS_LAB_WORLD_H
#define TESTS_LAB_WORLD_H

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/map.h"
#include "tests/unit/decoded.h"
#include "watch/lab/lab.h"

struct lab_world {
	struct lab *lab;
	struct lab_config config;
	struct cidr services[4], balancers[4];
	struct cidr_list service_list, balancer_list;
	struct map objects; /* "Kind ns/name" to struct shown_object */
	struct buf problems, kept;
	unsigned keeps, upserts, removes;
	bool more; /* the lab asks for another turn */
};

struct shown_object {
	struct object *o;
	char key[512];
};

static inline void world_key(char key[512], enum object_kind kind, const char *ns, const char *name)
{
	snprintf(key, 512, "%s %s/%s", object_kind_name(kind), ns, name);
}

static inline void world_drop(struct lab_world *w, const char *key)
{
	struct shown_object *shown = map_del_str(&w->objects, key);

	if (shown != NULL)
		object_free(shown->o);
	free(shown);
}

static inline void world_upsert(void *ctx, struct object *o)
{
	struct shown_object *shown = mem_alloc(sizeof *shown);
	struct lab_world *w = ctx;

	shown->o = o;
	world_key(shown->key, o->kind, o->ns, o->name);
	world_drop(w, shown->key);
	map_put_str(&w->objects, shown->key, shown);
	w->upserts++;
}

static inline void world_remove(void *ctx, enum object_kind kind, const char *ns, const char *name)
{
	struct lab_world *w = ctx;
	char key[512];

	world_key(key, kind, ns, name);
	assert_non_null(map_get_str(&w->objects, key)); /* only what was told of is removed */
	world_drop(w, key);
	w->removes++;
}

static inline void world_turn_end(void *ctx)
{
	(void)ctx;
}

static inline void world_problem(void *ctx, enum object_kind kind, const struct decode_problem *p)
{
	struct lab_world *w = ctx;
	char text[PROBLEM_TEXT_BYTES];

	assert_string_equal(p->kind, object_kind_name(kind));
	buf_printf(&w->problems, "%s%s\n", p->refused ? "!" : "", decode_problem_format(text, NULL, p));
}

static inline void world_keep(void *ctx, const char *text, size_t length_bytes)
{
	struct lab_world *w = ctx;

	buf_clear(&w->kept);
	buf_add(&w->kept, text, length_bytes);
	w->keeps++;
}

/* Blank separated ranges. */
static inline struct cidr_list world_ranges(struct cidr *to, const char *text)
{
	struct cidr_list list = {.items = to};
	char copy[128], *rest = copy, *one;

	snprintf(copy, sizeof copy, "%s", text);
	while ((one = strsep(&rest, " ")) != NULL)
		if (one[0] != '\0')
			assert_true(cidr_parse(&to[list.count++], one));
	return list;
}

static inline void world_start(struct lab_world *w)
{
	const char *wrong;

	w->config.next = (struct sink){.ctx = w,
				       .upsert = world_upsert,
				       .remove = world_remove,
				       .complete = world_turn_end,
				       .turn_end = world_turn_end};
	w->config.service_cidrs = &w->service_list;
	w->config.balancer_cidrs = &w->balancer_list;
	w->config.problem = world_problem;
	w->config.keep = world_keep;
	w->config.ctx = w;
	w->lab = lab_new(&w->config, w->kept.length_bytes != 0 ? w->kept.data : NULL, w->kept.length_bytes, &wrong);
	assert_null(wrong);
	buf_puts(&w->problems, "");
}

static inline void world_init(struct lab_world *w, const char *services, const char *balancers)
{
	*w = (struct lab_world){.config = {.node_port_first = 30000, .node_port_last = 32767}};
	w->service_list = world_ranges(w->services, services);
	w->balancer_list = world_ranges(w->balancers, balancers);
	world_start(w);
}

static inline void world_stop(struct lab_world *w)
{
	struct shown_object *shown;
	size_t at = 0;

	lab_free(w->lab);
	while ((shown = map_next(&w->objects, &at)) != NULL)
		world_drop(w, shown->key);
}

/* The daemon starts anew, with what was kept. */
static inline void world_restart(struct lab_world *w, bool with_kept)
{
	world_stop(w);
	if (!with_kept)
		buf_clear(&w->kept);
	buf_clear(&w->problems);
	world_start(w);
}

static inline void world_fini(struct lab_world *w)
{
	world_stop(w);
	map_fini(&w->objects);
	buf_fini(&w->problems);
	buf_fini(&w->kept);
}

static inline void world_end_turn(struct lab_world *w)
{
	lab_sink(w->lab)->turn_end(lab_sink(w->lab)->ctx);
}

/* Tells of the text's objects; no end of the turn yet. */
static inline void world_say(struct lab_world *w, const char *yaml)
{
	struct decoded d;

	decode_text(&d, yaml, false);
	assert_string_equal(d.problems.data, "");
	for (size_t i = 0; i < d.count; i++)
		lab_sink(w->lab)->upsert(lab_sink(w->lab)->ctx, d.objects[i]);
	d.count = 0;
	decoded_fini(&d);
}

static inline void world_put(struct lab_world *w, const char *yaml)
{
	world_say(w, yaml);
	world_end_turn(w);
}

static inline void world_take(struct lab_world *w, enum object_kind kind, const char *name)
{
	lab_sink(w->lab)->remove(lab_sink(w->lab)->ctx, kind, kind == OBJECT_SERVICE_CIDR ? "" : "default", name);
}

static inline const struct object *world_object(const struct lab_world *w, enum object_kind kind, const char *ns,
						const char *name)
{
	const struct shown_object *shown;
	char key[512];

	world_key(key, kind, ns, name);
	shown = map_get_str(&w->objects, key);
	return shown != NULL ? shown->o : NULL;
}

/* Of the namespace default; NULL: not there. */
static inline const struct service_object *world_service(const struct lab_world *w, const char *name)
{
	return (const struct service_object *)world_object(w, OBJECT_SERVICE, "default", name);
}

/* "10.96.1.1 fd00::1 | 192.0.2.1 | 30001 30002 | 30003": ClusterIPs, load balancer addresses, node ports, health check.
 */
static inline const char *world_text(const struct lab_world *w, const char *name)
{
	static char texts[4][256];
	static unsigned which;
	const struct service_object *s = world_service(w, name);
	char *text = texts[which++ % 4], addr[ADDR_TEXT_BYTES];
	struct buf b = {0};

	buf_puts(&b, s == NULL ? "none" : "");
	for (size_t i = 0; s != NULL && i < s->cluster_ip_count; i++)
		buf_printf(&b, "%s%s", i != 0 ? " " : "", addr_format(&s->cluster_ips[i], addr));
	for (size_t i = 0; s != NULL && i < s->ingress_count; i++)
		buf_printf(&b, "%s%s", i != 0 ? " " : " | ", addr_format(&s->ingress[i].addr, addr));
	for (size_t i = 0; s != NULL && i < s->port_count; i++)
		if (s->ports[i].node_port != 0)
			buf_printf(&b, " :%u", s->ports[i].node_port);
	if (s != NULL && s->health_check_node_port != 0)
		buf_printf(&b, " health %u", s->health_check_node_port);
	snprintf(text, 256, "%s", b.data);
	buf_fini(&b);
	return text;
}

#endif
