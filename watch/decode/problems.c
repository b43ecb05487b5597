/* Joins the problems of one object in one line. */
#include "watch/decode/problems.h"

#include <stdio.h>
#include <string.h>

#define LISTED_MAX 4 /* fields that are named beside the line's own */

const char *decode_problem_format(char text[PROBLEM_TEXT_BYTES], const char *file, const struct decode_problem *p)
{
	char line[16] = "";
	const char *space = p->kind[0] != '\0' && p->name[0] != '\0' ? " " : "";
	const char *slash = p->ns[0] != '\0' && p->name[0] != '\0' ? "/" : "";

	if (p->line != 0)
		snprintf(line, sizeof line, ":%u", p->line);
	snprintf(text, PROBLEM_TEXT_BYTES, "%s%s%s%s%s%s%s%s%s%s%s%s", file != NULL ? file : "",
		 file != NULL ? line : "", file != NULL ? ": " : "", p->kind, space, slash[0] != '\0' ? p->ns : "",
		 slash, p->name, p->kind[0] != '\0' ? ": " : "", p->field, p->field[0] != '\0' ? ": " : "", p->reason);
	size_t n = strlen(text);
	if (p->more != 0)
		snprintf(text + n, PROBLEM_TEXT_BYTES - n, "; and %zu more%s%s", p->more,
			 p->more_fields[0] != '\0' ? ": " : "", p->more_fields);
	return text;
}

/* Texts of a problem live during its call only. */
static void line_set(struct problems *ps, const struct decode_problem *p)
{
	ps->line = *p;
	ps->line.kind = arena_strdup(ps->arena, p->kind);
	ps->line.ns = arena_strdup(ps->arena, p->ns);
	ps->line.name = arena_strdup(ps->arena, p->name);
	ps->line.field = arena_strdup(ps->arena, p->field);
	ps->line.reason = arena_strdup(ps->arena, p->reason);
}

static void list(struct problems *ps, const char *field)
{
	if (ps->listed == LISTED_MAX || field[0] == '\0')
		return;
	buf_printf(&ps->more, "%s%s", ps->listed++ != 0 ? ", " : "", field);
}

void problems_add(struct problems *ps, const struct decode_problem *p)
{
	if (ps->arena == NULL)
		ps->arena = arena_new(1024);
	if (ps->count++ == 0) {
		line_set(ps, p);
	} else if (p->refused && !ps->line.refused) {
		list(ps, ps->line.field);
		line_set(ps, p);
	} else {
		list(ps, p->field);
	}
}

void problems_tell(struct problems *ps, void (*tell)(void *ctx, const struct decode_problem *p), void *ctx)
{
	if (ps->count == 0)
		return;
	ps->line.more = ps->count - 1;
	if (ps->listed != 0 && ps->listed < ps->line.more)
		buf_puts(&ps->more, ", …");
	ps->line.more_fields = ps->listed != 0 ? ps->more.data : "";
	tell(ctx, &ps->line);
	arena_reset(ps->arena);
	buf_clear(&ps->more);
	ps->count = ps->listed = 0;
}

void problems_fini(struct problems *ps)
{
	if (ps->arena != NULL)
		arena_free(ps->arena);
	buf_fini(&ps->more);
	*ps = (struct problems){0};
}
