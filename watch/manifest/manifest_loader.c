/* What reading manifest files needs and gathers. */
#include "watch/manifest/manifest_loader.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_BYTES 65536
#define ARENA_MOST_BYTES ((size_t)1 << 20) /* a document that needs more does not keep it */

void loader_init(struct loader *l)
{
	l->yaml = yaml_parser_new();
	l->decoder = decoder_new(false);
	l->arena = arena_new(ARENA_BYTES);
}

void loader_arena_reset(struct loader *l)
{
	if (arena_bytes(l->arena) <= ARENA_MOST_BYTES) {
		arena_reset(l->arena);
		return;
	}
	arena_free(l->arena);
	l->arena = arena_new(ARENA_BYTES);
}

void loader_fini(struct loader *l)
{
	while (l->unknown.all != NULL) {
		struct unknown_kind *u = l->unknown.all;
		l->unknown.all = u->next;
		free(u);
	}
	map_fini(&l->unknown.by_text);
	free(l->fetched.bytes);
	yaml_parser_free(l->yaml);
	decoder_free(l->decoder);
	arena_free(l->arena);
}

void loader_problem(struct loader *l, const char *path, const struct decode_problem *p)
{
	l->counts.problems++;
	l->counts.refused += p->refused;
	l->report(l->ctx, path, p);
}

void loader_report(struct loader *l, const char *path, const char *fmt, ...)
{
	char reason[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(reason, sizeof reason, fmt, ap);
	va_end(ap);
	loader_problem(l, path,
		       &(struct decode_problem){
			       .kind = "", .ns = "", .name = "", .field = "", .reason = reason, .refused = true});
}

void loader_unread(struct loader *l, const char *path, int error)
{
	const bool passing = retry_is_passing(error);

	if (!passing || retry_note(&l->retry, "read", path))
		loader_report(l, path, "cannot be read: %s%s", strerror(error), passing ? "; trying again" : "");
}
