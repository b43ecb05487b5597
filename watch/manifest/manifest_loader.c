/* What reading manifest files needs and gathers. */
#include "watch/manifest/manifest_loader.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "watch/manifest/manifest_reading.h"

void loader_init(struct loader *l)
{
	l->parser = manifest_parser_new();
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
	manifest_parser_free(l->parser);
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

	if (error == READING_NOT_A_FILE)
		loader_report(l, path, "is not a regular file");
	else if (error == READING_TOO_LARGE)
		loader_report(l, path, "is larger than %zu MiB", MANIFEST_FILE_MAX_BYTES >> 20);
	else if (!passing || retry_note(&l->retry, "read", path))
		loader_report(l, path, "cannot be read: %s%s", strerror(error), passing ? "; trying again" : "");
}
