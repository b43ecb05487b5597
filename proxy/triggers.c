/* Keeps trigger times until the change is in the kernel. */
#include "proxy/triggers.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "base/map.h"
#include "base/mem.h"

struct waiting {
	struct trigger trigger;
	SLIST_ENTRY(waiting) link;
};

/* One Service with at least one change. */
struct cause {
	bool headless;
	SLIST_HEAD(, waiting) waiting[2]; /* by family */
	char *key;			  /* "ns/name" */
};

struct triggers {
	int64_t start_ms;
	size_t count;
	struct map causes; /* by key */
};

static struct cause *cause_find(const struct triggers *t, const char *ns, const char *name)
{
	char *key = service_key(ns, name);
	struct cause *c = map_get_str(&t->causes, key);

	free(key);
	return c;
}

static struct cause *cause_of(struct triggers *t, const struct slice_object *slice)
{
	struct cause *c = cause_find(t, slice->object.ns, slice->service_name);

	if (c != NULL)
		return c;
	c = mem_alloc(sizeof *c);
	c->key = service_key(slice->object.ns, slice->service_name);
	map_put_str(&t->causes, c->key, c);
	return c;
}

static void forget_family(struct triggers *t, struct cause *c, bool six)
{
	struct waiting *w;

	while ((w = SLIST_FIRST(&c->waiting[six])) != NULL) {
		SLIST_REMOVE_HEAD(&c->waiting[six], link);
		free(w);
		t->count--;
	}
}

static void forget(struct triggers *t, struct cause *c)
{
	forget_family(t, c, false);
	forget_family(t, c, true);
	map_del_str(&t->causes, c->key);
	free(c->key);
	free(c);
}

void triggers_add(struct triggers *t, const struct slice_object *slice)
{
	const bool six = slice->family == AF_INET6;

	if (slice->trigger_ms <= t->start_ms || t->count == TRIGGERS_MAX)
		return;
	struct waiting *w = mem_alloc(sizeof *w);
	w->trigger = (struct trigger){.cause_ms = slice->trigger_ms, .six = six};
	SLIST_INSERT_HEAD(&cause_of(t, slice)->waiting[six], w, link);
	t->count++;
}

void triggers_drop(struct triggers *t, const struct slice_object *slice)
{
	struct cause *c = cause_find(t, slice->object.ns, slice->service_name);

	if (c != NULL)
		forget_family(t, c, slice->family == AF_INET6);
}

void triggers_published(struct triggers *t, const struct service *service)
{
	if (t->count == 0 || service->dns_kind != DNS_HEADLESS)
		return;
	struct cause *c = cause_find(t, service->ns, service->name);
	if (c != NULL)
		c->headless = true;
}

void triggers_done(struct triggers *t, void (*each)(void *ctx, const struct trigger *trigger), void *ctx)
{
	struct cause *c;
	size_t at = 0;

	while ((c = map_next(&t->causes, &at)) != NULL) {
		for (int six = 0; six < 2; six++) {
			struct waiting *w;
			SLIST_FOREACH(w, &c->waiting[six], link)
			{
				w->trigger.headless = c->headless;
				each(ctx, &w->trigger);
			}
		}
		forget(t, c);
	}
}

struct triggers *triggers_new(int64_t start_ms)
{
	struct triggers *t = mem_alloc(sizeof *t);

	t->start_ms = start_ms;
	return t;
}

void triggers_free(struct triggers *t)
{
	struct cause *c;
	size_t at = 0;

	if (t == NULL)
		return;
	while ((c = map_next(&t->causes, &at)) != NULL)
		forget(t, c);
	map_fini(&t->causes);
	free(t);
}
