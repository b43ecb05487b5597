/* `fairlead check`: files read once, with the daemon's own code. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "watch/manifest/manifest_path.h"
#include "watch/manifest/manifest_private.h"

#define CHECK_DOCUMENTS 2000 /* whose objects are kept, at least */

struct check {
	struct manifest *m;
	const struct manifest_checker *checker;
	const char *label;
	size_t documents, settle_at;
};

static void on_problem(void *ctx, const char *path, const struct decode_problem *p)
{
	const struct check *c = ctx;
	char file[512];

	c->checker->problem(c->checker->ctx, path_format(file, sizeof file, c->label, path), p);
}

static void on_object(void *ctx, struct object *o, const struct definition *d)
{
	const struct check *c = ctx;
	char file[512];

	c->checker->object(c->checker->ctx, o, path_format(file, sizeof file, c->label, d->document->file->path),
			   d->document->line + d->line);
}

/*
 * Objects are not kept until all files are read. An object that is there often is looked at anew each time, so the
 * pause grows with what was read.
 */
static void on_document(void *ctx)
{
	struct check *c = ctx;

	if (++c->documents < c->settle_at)
		return;
	manifest_settle(c->m, SIZE_MAX);
	c->settle_at = c->documents + c->documents / 20 + CHECK_DOCUMENTS;
}

static void counts_add(struct manifest_counts *counts, const struct manifest *m)
{
	struct manifest_counts now;

	manifest_count(m, &now);
	counts->files += now.files;
	counts->documents += now.documents;
	counts->objects += now.objects;
	counts->problems += now.problems;
	counts->refused += now.refused;
}

bool manifest_check(const char *path, const char *label, const struct manifest_checker *checker,
		    struct manifest_counts *counts)
{
	static const struct sink sink = {0};
	struct check check = {.m = manifest_alloc(path, &sink), .checker = checker};
	bool opened;

	check.label = label != NULL ? label : check.m->root;
	check.m->located = on_object;
	check.m->located_ctx = &check;
	check.m->loader.report = on_problem;
	check.m->loader.document_done = on_document;
	check.m->loader.ctx = &check;
	check.m->tree = tree_open(&check.m->loader, false);
	if (check.m->tree != NULL) {
		manifest_settle(check.m, SIZE_MAX);
		counts_add(counts, check.m);
	}
	opened = check.m->tree != NULL;
	manifest_release(check.m);
	return opened;
}

/* ---- as lines ---- */

void manifest_problem_print(FILE *out, const char *file, const struct decode_problem *p)
{
	char text[PROBLEM_TEXT_BYTES], line[PROBLEM_TEXT_BYTES];

	decode_problem_format(text, file, p);
	text_escape(line, sizeof line, text, strlen(text));
	fprintf(out, "%s\n", line);
}
