/* A manifest directory and a sink that keeps what it is told, for the tests of the source: include after <cmocka.h>. */
#ifndef TESTS_MANIFEST_WORLD_H
#define TESTS_MANIFEST_WORLD_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ev.h>

#include "base/clock.h"
#include "base/map.h"
#include "tests/tempfolder.h"
#include "watch/manifest/manifest.h"

struct world {
	char top[TEMPFOLDER_BYTES], dir[TEMPFOLDER_BYTES + 2];
	struct ev_loop *loop;
	struct manifest *m;
	struct sink sink;
	struct map objects; /* "Kind ns/name" to struct kept */
	unsigned lists, completes, turns, upserts, removes;
};

struct kept {
	char key[256];
	struct object *o;
};

static inline void key_of(char key[256], enum object_kind kind, const char *ns, const char *name)
{
	snprintf(key, 256, "%s %s/%s", object_kind_name(kind), ns, name);
}

static inline void kept_drop(struct world *w, const char *key)
{
	struct kept *k = map_del_str(&w->objects, key);

	if (k == NULL)
		return;
	object_free(k->o);
	free(k);
}

static inline void sink_upsert(void *ctx, struct object *o)
{
	struct world *w = ctx;
	struct kept *k = mem_alloc(sizeof *k);

	key_of(k->key, o->kind, o->ns, o->name);
	k->o = o;
	kept_drop(w, k->key);
	map_put_str(&w->objects, k->key, k);
	w->upserts++;
}

static inline void sink_remove(void *ctx, enum object_kind kind, const char *ns, const char *name)
{
	struct world *w = ctx;
	char key[256];

	key_of(key, kind, ns, name);
	assert_non_null(map_get_str(&w->objects, key)); /* only what was shown is removed */
	kept_drop(w, key);
	w->removes++;
}

static inline void sink_list(void *ctx, enum object_kind kind)
{
	(void)kind;
	((struct world *)ctx)->lists++;
}

static inline void sink_complete(void *ctx)
{
	((struct world *)ctx)->completes++;
}

static inline void sink_turn(void *ctx)
{
	((struct world *)ctx)->turns++;
}

static inline int world_new(void **state)
{
	struct world *w = mem_alloc(sizeof *w);

	tempfolder_new(w->top, "manifest");
	snprintf(w->dir, sizeof w->dir, "%s/m", w->top);
	assert_int_equal(mkdir(w->dir, 0755), 0);
	w->loop = ev_loop_new(0);
	w->sink = (struct sink){w, sink_upsert, sink_remove, NULL, sink_list, sink_list, sink_complete, sink_turn};
	*state = w;
	return 0;
}

static inline int world_free(void **state)
{
	struct world *w = *state;
	struct kept *k;
	size_t at = 0;

	manifest_free(w->m);
	while ((k = map_next(&w->objects, &at)) != NULL)
		kept_drop(w, k->key);
	map_fini(&w->objects);
	ev_loop_destroy(w->loop);
	tempfolder_free(w->top);
	free(w);
	return 0;
}

static inline void start(struct world *w)
{
	w->m = manifest_new(w->loop, w->dir, &w->sink);
	assert_non_null(w->m);
	assert_int_equal(w->completes, 1);
	assert_int_equal(w->lists, 2 * OBJECT_KINDS);
	assert_int_equal(w->turns, 1);
}

static inline void write_at(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static inline char *path_of(struct world *w, const char *name)
{
	static char paths[4][256];
	static unsigned which;
	char *path = paths[which++ % 4];

	snprintf(path, 256, "%.63s/%s", w->dir, name);
	return path;
}

static inline void put(struct world *w, const char *name, const char *text)
{
	write_at(path_of(w, name), text);
}

/* Lets events arrive until nothing more is pending. */
static inline void turn(struct world *w)
{
	unsigned before = w->turns;
	uint64_t limit = clock_ms() + 10000;

	while (w->turns == before && clock_ms() < limit) {
		ev_run(w->loop, EVRUN_NOWAIT);
		usleep(1000);
	}
	assert_int_not_equal(w->turns, before);
	ev_run(w->loop, EVRUN_NOWAIT);
}

static inline const struct object *have(struct world *w, const char *key)
{
	struct kept *k = map_get_str(&w->objects, key);

	return k != NULL ? k->o : NULL;
}

static inline uint16_t port_of(struct world *w, const char *key)
{
	const struct service_object *s = (const struct service_object *)have(w, key);

	assert_non_null(s);
	return s->ports[0].port;
}

#define SERVICE(name, port)                                           \
	"apiVersion: v1\nkind: Service\nmetadata: {name: " name "}\n" \
	"spec: {clusterIP: 10.96.0.10, ports: [{port: " #port "}]}\n"
#define BROKEN(name) "apiVersion: v1\nkind: Service\nmetadata: {name: " name "\n"
#define REFUSED(name)                                                 \
	"apiVersion: v1\nkind: Service\nmetadata: {name: " name "}\n" \
	"spec: {clusterIP: 10.96.0.10, ports: [{port: 99999}]}\n"

static inline void check_problem(void *ctx, const char *file, const struct decode_problem *p)
{
	manifest_problem_print(ctx, file, p);
}

static inline void check_object(void *ctx, struct object *o, const char *file, uint32_t line)
{
	(void)ctx, (void)file, (void)line;
	object_free(o);
}

/* A check that prints a line per problem. */
static inline bool check_print(const char *path, FILE *out, struct manifest_counts *counts)
{
	const struct manifest_checker checker = {out, check_problem, check_object};

	return manifest_check(path, NULL, &checker, counts);
}

#endif
