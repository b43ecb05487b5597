/* Keeps the objects of the sources and which services changed. */
#include "proxy/store.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"

/* An object under its name. `seen` is the list that last mentioned it. */
struct record {
	struct object *object;
	struct store_service *service; /* OBJECT_SERVICE and OBJECT_SLICE: whom it belongs to */
	unsigned seen;
	char key[];
};

struct store {
	struct store_listener listener;
	struct map records[OBJECT_KINDS];
	unsigned list[OBJECT_KINDS]; /* number of the list under way or last done */
	struct map services;
	size_t dirty_count, dirty_room;
	struct store_service **dirty;
	bool complete;
};

#define KEY_BYTES 512 /* two names of at most 253 bytes */

static const char *key_of(char key[KEY_BYTES], const char *ns, const char *name)
{
	snprintf(key, KEY_BYTES, "%s/%s", ns, name);
	return key;
}

struct store *store_new(const struct store_listener *listener)
{
	struct store *s = mem_alloc(sizeof *s);

	s->listener = *listener;
	return s;
}

static void service_drop(struct store_service *service)
{
	free(service->slices);
	free(service->refusal);
	free(service);
}

void store_free(struct store *s)
{
	size_t at = 0;
	struct store_service *service;

	if (s == NULL)
		return;
	for (int kind = 0; kind < OBJECT_KINDS; kind++) {
		struct record *record;
		for (size_t i = 0; (record = map_next(&s->records[kind], &i)) != NULL; free(record))
			object_free(record->object);
		map_fini(&s->records[kind]);
	}
	while ((service = map_next(&s->services, &at)) != NULL)
		service_drop(service);
	map_fini(&s->services);
	free(s->dirty);
	free(s);
}

void store_mark(struct store *s, struct store_service *service)
{
	service->weighed = false;
	if (service->dirty)
		return;
	service->dirty = true;
	s->dirty = mem_grow(s->dirty, s->dirty_count, &s->dirty_room, sizeof(struct store_service *));
	s->dirty[s->dirty_count++] = service;
}

struct store_service *const *store_dirty(const struct store *s, size_t *count)
{
	*count = s->dirty_count;
	return s->dirty;
}

void store_unmark(struct store *s)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->dirty_count; i++)
		if (s->dirty[i]->dirty)
			s->dirty[kept++] = s->dirty[i];
		else
			store_settle(s, s->dirty[i]);
	s->dirty_count = kept;
	if (kept == 0)
		s->dirty = mem_empty(s->dirty, &s->dirty_room);
}

void store_settle(struct store *s, struct store_service *service)
{
	if (service->object != NULL || service->slice_count != 0 || service->current != NULL || service->pending ||
	    service->dirty)
		return;
	map_del_str(&s->services, service->key);
	service_drop(service);
}

static struct store_service *service_of(struct store *s, const char *ns, const char *name)
{
	char key[KEY_BYTES];
	struct store_service *service = map_get_str(&s->services, key_of(key, ns, name));

	if (service != NULL)
		return service;
	service = mem_alloc(sizeof *service + 2 * (strlen(key) + 1));
	memcpy(service->key, key, strlen(key) + 1);
	/* ns and name are cut out of a second copy behind the key */
	char *copy = service->key + strlen(key) + 1;
	memcpy(copy, key, strlen(key) + 1);
	copy[strlen(ns)] = '\0';
	service->ns = copy;
	service->name = copy + strlen(ns) + 1;
	map_put_str(&s->services, service->key, service);
	return service;
}

/* Position of the first slice whose name is not before `name`. */
static size_t slice_position(const struct store_service *service, const char *name)
{
	size_t low = 0, high = service->slice_count;

	while (low < high) {
		size_t middle = (low + high) / 2;
		if (strcmp(service->slices[middle]->object.name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void slice_attach(struct store_service *service, const struct slice_object *slice)
{
	size_t at = slice_position(service, slice->object.name);

	service->slices = mem_grow(service->slices, service->slice_count, &service->slice_room,
				   sizeof(const struct slice_object *));
	memmove(service->slices + at + 1, service->slices + at,
		(service->slice_count - at) * sizeof(const struct slice_object *));
	service->slices[at] = slice;
	service->slice_count++;
}

static void slice_detach(struct store_service *service, const struct slice_object *slice)
{
	size_t at = slice_position(service, slice->object.name);

	assert(at < service->slice_count && service->slices[at] == slice);
	service->slice_count--;
	memmove(service->slices + at, service->slices + at + 1,
		(service->slice_count - at) * sizeof(const struct slice_object *));
}

/* Takes the record's present object out of its service, if it is in one. */
static void unlink_object(struct store *s, struct record *record)
{
	if (record->service == NULL)
		return;
	store_mark(s, record->service);
	if (record->object->kind == OBJECT_SERVICE)
		record->service->object = NULL;
	else
		slice_detach(record->service, (const struct slice_object *)record->object);
	record->service = NULL;
}

static void link_object(struct store *s, struct record *record)
{
	struct object *o = record->object;

	if (o->kind == OBJECT_SERVICE) {
		record->service = service_of(s, o->ns, o->name);
		record->service->object = (const struct service_object *)o;
	} else if (o->kind == OBJECT_SLICE && ((const struct slice_object *)o)->service_name[0] != '\0') {
		record->service = service_of(s, o->ns, ((const struct slice_object *)o)->service_name);
		slice_attach(record->service, (const struct slice_object *)o);
	} else {
		return;
	}
	store_mark(s, record->service);
}

static struct record *record_make(struct store *s, enum object_kind kind, const char *key)
{
	size_t bytes = strlen(key) + 1;
	struct record *record = mem_alloc(sizeof *record + bytes);

	memcpy(record->key, key, bytes);
	map_put_str(&s->records[kind], record->key, record);
	return record;
}

static void on_upsert(void *ctx, struct object *o)
{
	struct store *s = ctx;
	char key[KEY_BYTES];
	struct record *record = map_get_str(&s->records[o->kind], key_of(key, o->ns, o->name));

	if (record == NULL)
		record = record_make(s, o->kind, key);
	record->seen = s->list[o->kind];
	struct object *prev = record->object;
	if (prev != NULL && prev->digest == o->digest) {
		object_free(o);
		return;
	}
	if (prev != NULL)
		unlink_object(s, record);
	record->object = o;
	link_object(s, record);
	s->listener.changed(s->listener.ctx, prev, o);
	object_free(prev);
}

static void record_remove(struct store *s, struct record *record)
{
	struct object *prev = record->object;

	unlink_object(s, record);
	map_del_str(&s->records[prev->kind], record->key);
	free(record);
	s->listener.changed(s->listener.ctx, prev, NULL);
	object_free(prev);
}

static void on_remove(void *ctx, enum object_kind kind, const char *ns, const char *name)
{
	struct store *s = ctx;
	char key[KEY_BYTES];
	struct record *record = map_get_str(&s->records[kind], key_of(key, ns, name));

	if (record != NULL)
		record_remove(s, record);
}

static void on_keep(void *ctx, enum object_kind kind, const char *ns, const char *name)
{
	struct store *s = ctx;
	char key[KEY_BYTES];
	struct record *record = map_get_str(&s->records[kind], key_of(key, ns, name));

	if (record != NULL)
		record->seen = s->list[kind];
}

static void on_list_begin(void *ctx, enum object_kind kind)
{
	struct store *s = ctx;

	s->list[kind]++;
}

static void on_list_end(void *ctx, enum object_kind kind)
{
	struct store *s = ctx;
	size_t at = 0;
	struct record *record;

	while ((record = map_next(&s->records[kind], &at)) != NULL)
		if (record->seen != s->list[kind])
			record_remove(s, record);
}

static void on_complete(void *ctx)
{
	struct store *s = ctx;

	s->complete = true;
	s->listener.complete(s->listener.ctx);
}

static void on_turn_end(void *ctx)
{
	struct store *s = ctx;

	s->listener.turn_end(s->listener.ctx);
}

struct sink store_sink(struct store *s)
{
	return (struct sink){.ctx = s,
			     .upsert = on_upsert,
			     .keep = on_keep,
			     .remove = on_remove,
			     .list_begin = on_list_begin,
			     .list_end = on_list_end,
			     .complete = on_complete,
			     .turn_end = on_turn_end};
}

/* ---- between stores ---- */

static void record_move(struct store *to, struct store *from, struct record *record)
{
	struct object *o = record->object;
	const enum object_kind kind = o->kind;
	const unsigned seen = record->seen;
	char key[KEY_BYTES];

	unlink_object(from, record);
	map_del_str(&from->records[kind], record->key);
	free(record);
	from->listener.changed(from->listener.ctx, o, NULL);
	key_of(key, o->ns, o->name); /* o may be freed by the next */
	on_upsert(to, o);
	struct record *moved = map_get_str(&to->records[kind], key);
	moved->seen = seen;
}

void store_replace(struct store *to, struct store *from)
{
	struct record *record;

	for (int kind = 0; kind < OBJECT_KINDS; kind++) {
		for (size_t at = 0; (record = map_next(&to->records[kind], &at)) != NULL;)
			if (map_get_str(&from->records[kind], record->key) == NULL)
				record_remove(to, record);
		for (size_t at = 0; (record = map_next(&from->records[kind], &at)) != NULL;)
			record_move(to, from, record);
		to->list[kind] = from->list[kind];
	}
}

void store_pass(struct store *to, struct store *from, enum object_kind kind, const char *ns, const char *name)
{
	char key[KEY_BYTES];
	struct record *record = map_get_str(&from->records[kind], key_of(key, ns, name));

	if (record == NULL || map_get_str(&to->records[kind], key) != NULL)
		return;
	record->seen = to->list[kind];
	record_move(to, from, record);
}

bool store_is_complete(const struct store *s)
{
	return s->complete;
}

size_t store_count(const struct store *s, enum object_kind kind)
{
	return map_count(&s->records[kind]);
}

struct store_service *store_next_service(const struct store *s, size_t *at)
{
	return map_next(&s->services, at);
}

const struct object *store_next(const struct store *s, enum object_kind kind, size_t *at)
{
	const struct record *record = map_next(&s->records[kind], at);

	return record != NULL ? record->object : NULL;
}

struct store_service *store_service(const struct store *s, const char *ns, const char *name)
{
	char key[KEY_BYTES];

	return map_get_str(&s->services, key_of(key, ns, name));
}

const struct object *store_object(const struct store *s, enum object_kind kind, const char *ns, const char *name)
{
	char key[KEY_BYTES];
	const struct record *record = map_get_str(&s->records[kind], key_of(key, ns, name));

	return record != NULL ? record->object : NULL;
}
