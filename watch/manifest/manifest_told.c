/* Problems by file and kind. */
#include "watch/manifest/manifest_told.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

#define KIND_BYTES 256

struct problem_kind {
	size_t count;
	char text[KIND_BYTES]; /* "Service: spec.ports[].protocl: unknown field, ignored" */
};

struct told_file {
	size_t lines, others;
	size_t kind_count;
	struct problem_kind kinds[TOLD_KINDS_PER_FILE]; /* in the order they were met */
	char path[];
};

/* Without what differs from one to the next: numbers, and what is in quotes. */
static void kind_text(char text[KIND_BYTES], const struct decode_problem *p)
{
	char whole[KIND_BYTES];
	size_t n = 0;
	bool quoted = false;

	snprintf(whole, sizeof whole, "%s%s%s%s%s", p->kind, p->kind[0] != '\0' ? ": " : "", p->field,
		 p->field[0] != '\0' ? ": " : "", p->reason);
	for (const char *at = whole; *at != '\0'; at++) {
		if (*at == '"')
			quoted = !quoted;
		else if (quoted || isdigit((unsigned char)*at))
			continue;
		text[n++] = *at;
	}
	text[n] = '\0';
}

static struct told_file *file_of(struct told *t, const char *path)
{
	struct told_file *f = map_get_str(&t->files, path);
	const size_t bytes = strlen(path) + 1;

	if (f == NULL) {
		f = mem_alloc(sizeof *f + bytes);
		memcpy(f->path, path, bytes);
		map_put_str(&t->files, f->path, f);
	}
	return f;
}

bool told_note(struct told *t, const char *path, const struct decode_problem *p)
{
	struct told_file *f = file_of(t, path);
	char text[KIND_BYTES];
	size_t i = 0;

	if (f->lines < TOLD_LINES_PER_FILE) {
		f->lines++;
		return true;
	}
	kind_text(text, p);
	while (i < f->kind_count && strcmp(f->kinds[i].text, text) != 0)
		i++;
	if (i == TOLD_KINDS_PER_FILE) {
		f->others++;
		return false;
	}
	if (i == f->kind_count) {
		f->kind_count++;
		memcpy(f->kinds[i].text, text, sizeof text);
	}
	f->kinds[i].count++;
	return false;
}

static void file_end(const struct told_file *f, const char *root)
{
	const char *slash = f->path[0] != '\0' ? "/" : "";

	for (size_t i = 0; i < f->kind_count; i++)
		log_warn("%s%s%s: %zu more of: %s", root, slash, f->path, f->kinds[i].count, f->kinds[i].text);
	if (f->others != 0)
		log_warn("%s%s%s: %zu more problems", root, slash, f->path, f->others);
	if (f->kind_count != 0)
		log_warn("%s%s%s: fairlead check prints all of them", root, slash, f->path);
}

void told_end(struct told *t, const char *root)
{
	struct told_file *f;
	size_t at = 0;

	while ((f = map_next(&t->files, &at)) != NULL) {
		file_end(f, root);
		free(f);
	}
	map_fini(&t->files);
}
