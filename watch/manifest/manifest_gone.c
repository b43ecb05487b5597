/* Which objects went away by what looks like a mistake. */
#include "watch/manifest/manifest_gone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "watch/manifest/manifest_loader.h"

#define NAMES_LISTED 4
#define UNKNOWN_NAMES_MAX 10000 /* of one file */

/* "NS/NAME", as it is if the kind is namespaced, and if it is not. */
static const char *name_key(struct arena *arena, const char *ns, const char *name)
{
	return arena_printf(arena, "%s/%s", ns, name);
}

void gone_unknown(struct gone_names *n, const char *ns, const char *name)
{
	const char *key;

	if (name[0] == '\0' || map_count(&n->names) >= UNKNOWN_NAMES_MAX)
		return;
	if (n->arena == NULL)
		n->arena = arena_new(4096);
	key = name_key(n->arena, ns[0] != '\0' ? ns : "default", name);
	map_put_str(&n->names, key, (void *)(uintptr_t)key);
	key = name_key(n->arena, "", name);
	map_put_str(&n->names, key, (void *)(uintptr_t)key);
}

void gone_names_fini(struct gone_names *n)
{
	map_fini(&n->names);
	arena_free(n->arena);
	*n = (struct gone_names){0};
}

/* Whether all that the file says is known, and it says nothing. */
static bool defines_nothing(const struct file *f)
{
	for (const struct document *d = f->documents; d != NULL; d = d->next)
		if (d->definitions != NULL || d->refusals != NULL || d->unreadable)
			return false;
	return true;
}

void gone_begin(struct loader *l, const struct file *f)
{
	struct gone *g = mem_alloc(sizeof *g + strlen(f->path) + 1);

	memcpy(g->path, f->path, strlen(f->path) + 1);
	g->emptied = defines_nothing(f);
	g->next = l->gone;
	l->gone = g;
}

void gone_note(struct loader *l, const struct gone_names *n, struct entry *e)
{
	char key[CATALOG_KEY_BYTES];

	snprintf(key, sizeof key, "%s/%s", entry_ns(e), entry_name(e));
	if (l->gone->emptied || map_get_str(&n->names, key) != NULL) {
		if (e->gone != NULL) /* defined twice: only the last to go says so */
			e->gone->count--;
		e->gone = l->gone;
		l->gone->count++; /* it may be found elsewhere: see gone_settle */
	}
}

void gone_end(struct loader *l)
{
	struct gone *g = l->gone;

	if (g->count != 0)
		return;
	l->gone = g->next;
	free(g);
}

void gone_settle(struct entry *e, bool dropped)
{
	struct gone *g = e->gone;
	const char *slash = entry_ns(e)[0] != '\0' ? "/" : "";

	e->gone = NULL;
	if (g == NULL)
		return;
	if (!dropped || !e->in_sink)
		g->count--;
	else if (g->listed++ < NAMES_LISTED)
		buf_printf(&g->names, "%s%s %s%s%s", g->listed > 1 ? ", " : "", object_kind_name(e->kind), entry_ns(e),
			   slash, entry_name(e));
}

static void gone_free(struct gone *g)
{
	buf_fini(&g->names);
	free(g);
}

void gone_forget(struct loader *l)
{
	while (l->gone != NULL) {
		struct gone *g = l->gone;
		l->gone = g->next;
		gone_free(g);
	}
}

void gone_tell(struct loader *l)
{
	while (l->gone != NULL) {
		struct gone *g = l->gone;
		struct buf reason = {0};
		l->gone = g->next;
		if (g->count != 0) {
			buf_printf(&reason, "%s: %s",
				   g->emptied ? "defines nothing any more, removed"
					      : "removed with their kind or version",
				   g->names.data);
			if (g->count > NAMES_LISTED)
				buf_printf(&reason, " and %zu more", g->count - NAMES_LISTED);
			loader_problem(l, g->path,
				       &(struct decode_problem){
					       .kind = "", .ns = "", .name = "", .field = "", .reason = reason.data});
		}
		buf_fini(&reason);
		gone_free(g);
	}
}
