/* Fills in what each Service lacks, and remembers it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/text.h"
#include "watch/lab/kept.h"
#include "watch/lab/lab_private.h"

#define KEY_BYTES 512 /* two names of at most 253 bytes */

/* ---- which ---- */

static uint16_t key_of(char key[KEY_BYTES], const char *ns, const char *name)
{
	return (uint16_t)(1 + snprintf(key, KEY_BYTES, "%s%c%s", ns, '\0', name));
}

static struct lab_service *find(const struct lab *l, const char *ns, const char *name)
{
	char key[KEY_BYTES];

	return map_get(&l->services, key, key_of(key, ns, name));
}

static struct lab_service *find_or_make(struct lab *l, const char *ns, const char *name)
{
	struct lab_service *s = find(l, ns, name);
	char key[KEY_BYTES];
	const uint16_t bytes = key_of(key, ns, name);

	if (s != NULL)
		return s;
	s = mem_alloc(sizeof *s + bytes);
	s->lab = l;
	s->key_bytes = bytes;
	memcpy(s->ns, key, bytes);
	s->name = s->ns + strlen(ns) + 1;
	l->gone_count++;
	map_put(&l->services, s->ns, bytes, s);
	return s;
}

static void service_free(struct lab_service *s)
{
	object_free((struct object *)(uintptr_t)s->raw);
	lab_probes_drop(s->lab, s->probes);
	allocated_fini(&s->had);
	for (size_t i = 0; i < s->slice_count; i++)
		free(s->slices[i]);
	free(s->slices);
	free(s->evicted);
	free(s);
}

void lab_services_drop(struct lab *l, struct lab_service *s)
{
	lab_pick_now(l, s);
	map_del(&l->services, s->ns, s->key_bytes);
	l->starved_count -= s->starved;
	l->gone_count--;
	l->kept_changed = l->kept_changed || s->kept_hash != 0;
	service_free(s);
}

static void mark(struct lab *l, struct lab_service *s)
{
	if (s->dirty)
		return;
	s->dirty = true;
	l->dirty = mem_grow(l->dirty, l->dirty_count, &l->dirty_room, sizeof(struct lab_service *));
	l->dirty[l->dirty_count++] = s;
}

void lab_services_mark_all(struct lab *l)
{
	struct lab_service *s;
	size_t at = 0;

	while ((s = map_next(&l->services, &at)) != NULL)
		if (s->raw != NULL)
			mark(l, s);
}

/* ---- what is wrong ---- */

static void say(void *ctx, const char *field, const char *reason)
{
	const struct lab_service *s = ctx;

	lab_problems_add(s->lab, field, reason);
}

/* Once, until it changes. A line for each. */
static void tell(struct lab *l, struct lab_service *s, bool refused)
{
	lab_problems_tell(l, s, &s->told, refused);
}

/* ---- what the source says ---- */

/* Of all but the name, and the time that only a cluster knows. */
static uint64_t fingerprint_of(struct lab *l, const struct service_object *s)
{
	struct service_object nameless = *s;

	nameless.object.name = "";
	nameless.created_s = 0;
	pack_object(&l->pack, &nameless.object);
	return hash_bytes(l->pack.bytes.data, l->pack.bytes.length_bytes, 0);
}

static void evicted_note(struct lab_service *from, const struct used *what, const struct object *by)
{
	char addr[ADDR_TEXT_BYTES], *text;

	if (what->addr.family != 0)
		addr_format(&what->addr, addr);
	else
		snprintf(addr, sizeof addr, "node port %u", what->port);
	if (asprintf(&text, "Service %s/%s asks for %s, which was allocated here: it has another one now", by->ns,
		     by->name, addr) < 0)
		return;
	free(from->evicted);
	from->evicted = text;
}

static void evict(void *ctx, void *owner, const struct used *what)
{
	struct lab_service *from = owner;
	struct lab *l = ctx;

	if (from->raw != l->writing)
		evicted_note(from, what, &l->writing->object);
	allocated_forget(&from->had, what);
	mark(l, from);
}

static void written(struct lab *l, const struct service_object *raw, bool is)
{
	l->writing = raw;
	allocate_written(&l->allocator, raw, is, evict, l);
}

static void raw_set(struct lab *l, struct lab_service *s, const struct object *raw)
{
	const struct service_object *before = s->raw;

	if (before != NULL)
		lab_pick_leave(l, s);
	s->raw = (const struct service_object *)raw;
	if (s->raw != NULL) {
		lab_pick_enter(l, s);
		written(l, s->raw, true);
	}
	if (before != NULL)
		written(l, before, false);
	l->gone_count += (s->raw == NULL) - (size_t)(before == NULL);
	object_free((struct object *)(uintptr_t)before);
	mark(l, s);
}

void lab_services_upsert(struct lab *l, struct object *o)
{
	struct lab_service *s = find_or_make(l, o->ns, o->name);

	s->fingerprint = fingerprint_of(l, (const struct service_object *)o);
	raw_set(l, s, o);
}

void lab_services_remove(struct lab *l, const char *ns, const char *name)
{
	struct lab_service *s = find(l, ns, name);

	if (s == NULL || s->raw == NULL)
		return;
	allocate_release(&l->allocator, &s->had, s);
	s->gone_at = l->turn;
	raw_set(l, s, NULL);
}

static uint64_t kept_hash(const struct lab_service *s)
{
	return allocated_any(&s->had) ? allocated_hash(&s->had, s->fingerprint) : 0;
}

void lab_services_remember(struct lab *l, const struct kept_service *kept)
{
	struct lab_service *s = find_or_make(l, kept->ns, kept->name);

	allocated_fini(&s->had);
	s->had = *kept->had;
	*kept->had = (struct allocated){0};
	s->fingerprint = kept->fingerprint;
	s->kept_hash = kept_hash(s);
}

/* ---- settling ---- */

static void starved_set(struct lab *l, struct lab_service *s, bool starved)
{
	l->starved_count += starved - (size_t)s->starved;
	s->starved = starved;
}

/* Something was given back: it may be what another lacks. */
static void starved_mark(struct lab *l)
{
	struct lab_service *s;
	size_t at = 0;

	if (!l->allocator.released || l->starved_count == 0)
		return;
	while ((s = map_next(&l->services, &at)) != NULL)
		if (s->starved && s->raw != NULL)
			mark(l, s);
}

static int by_name(const void *a, const void *b)
{
	const struct lab_service *x = *(const struct lab_service *const *)a, *y = *(const struct lab_service *const *)b;

	return text_compare_names(x->ns, x->name, y->ns, y->name);
}

static struct allocation allocation_of(struct lab *l, struct lab_service *s)
{
	return (struct allocation){.a = &l->allocator,
				   .s = s->raw,
				   .had = &s->had,
				   .owner = s,
				   .families = s->families,
				   .say = say,
				   .ctx = s};
}

/* All take what they had before any takes what is new. */
static void keep_one(struct lab *l, struct lab_service *s)
{
	struct allocation x = allocation_of(l, s);

	buf_clear(&l->problems);
	s->admitted = allocate_begin(&x);
	if (!s->admitted) {
		tell(l, s, true);
		return;
	}
	s->families = x.families;
	if (s->pick_indexed || service_wishes(s->raw)->given_count != 0)
		lab_pick_mark(l, s); /* its families may be others */
	allocate_keep(&x);
}

/* Nothing was to be filled in: the object itself goes on, which saves a copy. */
static bool is_as_written(const struct lab_service *s)
{
	return !allocated_any(&s->had) && s->raw->type != SERVICE_NODE_PORT && s->raw->type != SERVICE_LOAD_BALANCER;
}

static void show(struct lab *l, struct lab_service *s, const struct allocation *x)
{
	s->shown = true;
	if (is_as_written(s)) {
		l->config.next.upsert(l->config.next.ctx, (struct object *)(uintptr_t)object_hold(&s->raw->object));
		return;
	}
	struct object *filled = allocate_fill(x);
	pack_object(&l->pack, filled);
	filled->digest = pack_digest(&l->pack);
	l->config.next.upsert(l->config.next.ctx, filled);
}

static void rest_one(struct lab *l, struct lab_service *s)
{
	struct allocation x = allocation_of(l, s);

	if (!s->admitted)
		return;
	buf_clear(&l->problems);
	starved_set(l, s, !allocate_rest(&x));
	if (s->evicted != NULL)
		say(s, "spec", s->evicted);
	free(s->evicted);
	s->evicted = NULL;
	tell(l, s, false);
	show(l, s, &x);
}

static void gone_one(struct lab *l, struct lab_service *s)
{
	if (s->shown)
		l->config.next.remove(l->config.next.ctx, OBJECT_SERVICE, s->ns, s->name);
	s->shown = false;
	s->told = 0;
	starved_set(l, s, false);
}

static void kept_compare(struct lab *l, struct lab_service *s)
{
	const uint64_t hash = kept_hash(s);

	l->kept_changed = l->kept_changed || hash != s->kept_hash;
	s->kept_hash = hash;
}

void lab_services_settle(struct lab *l)
{
	starved_mark(l);
	l->allocator.released = false;
	qsort(l->dirty, l->dirty_count, sizeof *l->dirty, by_name);
	lab_gone_take_over(l);
	for (size_t i = 0; i < l->dirty_count; i++)
		if (l->dirty[i]->raw != NULL)
			keep_one(l, l->dirty[i]);
	for (size_t i = 0; i < l->dirty_count; i++)
		if (l->dirty[i]->raw != NULL)
			rest_one(l, l->dirty[i]);
		else
			gone_one(l, l->dirty[i]);
	for (size_t i = 0; i < l->dirty_count; i++) {
		l->dirty[i]->dirty = false;
		kept_compare(l, l->dirty[i]);
	}
	l->dirty_count = 0;
	l->dirty = mem_empty(l->dirty, &l->dirty_room);
}

/* ---- keeping over restarts ---- */

void lab_services_keep(struct lab *l)
{
	struct lab_service *s;
	struct buf text = {0};
	size_t at = 0;

	if (!l->kept_changed || l->config.keep == NULL)
		return;
	l->kept_changed = false;
	kept_begin(&text);
	while ((s = map_next(&l->services, &at)) != NULL)
		if (allocated_any(&s->had))
			kept_add(&text, &(struct kept_service){s->ns, s->name, s->fingerprint, &s->had});
	kept_end(&text);
	l->config.keep(l->config.ctx, text.data, text.length_bytes);
	buf_fini(&text);
}

void lab_services_fini(struct lab *l)
{
	struct lab_service *s;
	size_t at = 0;

	while ((s = map_next(&l->services, &at)) != NULL)
		service_free(s);
	map_fini(&l->services);
	free(l->dirty);
}
