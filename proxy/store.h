/*
 * What the sources last said: objects by kind and name, and every Service together with its slices. The store is the
 * sink of the sources (watch/source.h); it drops changes that change nothing, sweeps lists, and remembers which
 * services must be compiled again. It owns the objects. Main thread.
 */
#ifndef PROXY_STORE_H
#define PROXY_STORE_H

#include <stdbool.h>
#include <stddef.h>

#include "service/budget.h"
#include "service/service.h"
#include "watch/object.h"
#include "watch/source.h"

/* One namespace/name with everything known about it. */
struct store_service {
	const char *ns, *name;
	const struct service_object *object; /* NULL: only slices so far, or deleted */
	size_t slice_count, slice_room;
	const struct slice_object **slices; /* sorted by name: equal input gives equal output */
	bool dirty;
	/* Those below are sync's. */
	bool weighed;		    /* heavy is known, of what the objects are now */
	bool heavy;		    /* too large to be a part of other services' turns */
	bool pending;		    /* `next` counts */
	bool short_of_memory;	    /* the refusal's reason is that */
	bool waits_for_kernel;	    /* its newest version is to be tried, but not yet */
	bool newest_held;	    /* the refusal is of what is newer than the pending `next` */
	struct service *current;    /* in the kernel and in DNS; NULL: not there */
	struct service *next;	    /* compiled, waits for the kernel; NULL: the service is to go */
	uint64_t appeared_ms;	    /* clock_ms: its name is in DNS since then; 0: since the first sync, or it is not */
	struct budget_counts asks;  /* the newest version that was admitted */
	bool counts[BUDGET_SHARED]; /* of `asks`, source ranges and verdicts: not among the few of its namespace */
	struct budget_counts has;   /* `current` */
	uint32_t rejected;	    /* the refusal's reason is the kernel's: a number that grows; 0: it is not */
	char *refusal;		    /* why what the objects ask for is not programmed (quarantine.h); NULL: it is */
	char key[];		    /* "ns/name" */
};

/* Told of every change that is not a no-op, prev or next NULL; both live during the call only. */
struct store_listener {
	void *ctx;
	void (*changed)(void *ctx, const struct object *prev, const struct object *next);
	void (*complete)(void *ctx);
	void (*turn_end)(void *ctx);
};

struct store;

struct store *store_new(const struct store_listener *listener);
void store_free(struct store *s);
struct sink store_sink(struct store *s);

/* Compile it again. The listener itself may call this inside its calls. */
void store_mark(struct store *s, struct store_service *service);
/* Services to compile, in the order they were marked; the array lives until something is marked or unmarked. */
struct store_service *const *store_dirty(const struct store *s, size_t *count);
/* Forgets those whose `dirty` was cleared since, and settles them. */
void store_unmark(struct store *s);
/* Drops the service when nothing is left of it: no object, no slice, nothing in the kernel, no mark. */
void store_settle(struct store *s, struct store_service *service);

/*
 * Empties `from` into `to`, which then holds exactly that; a list under way goes on there. Listeners of both are told,
 * complete and turn_end apart.
 */
void store_replace(struct store *to, struct store *from);
/* Moves one object, if it is there and not in `to` yet. */
void store_pass(struct store *to, struct store *from, enum object_kind kind, const char *ns, const char *name);

bool store_is_complete(const struct store *s);
size_t store_count(const struct store *s, enum object_kind kind);
/* Iteration in arbitrary order: size_t at = 0; while ((x = store_next_…(s, &at)) != NULL) … */
struct store_service *store_next_service(const struct store *s, size_t *at);
const struct object *store_next(const struct store *s, enum object_kind kind, size_t *at);
struct store_service *store_service(const struct store *s, const char *ns, const char *name); /* NULL: unknown */
const struct object *store_object(const struct store *s, enum object_kind kind, const char *ns, const char *name);

#endif
