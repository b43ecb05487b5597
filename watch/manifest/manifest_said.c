/* Keeps what a document said. */
#include "watch/manifest/manifest_said.h"

#include <stdlib.h>
#include <string.h>

enum said_kind { SAID_OBJECT, SAID_PROBLEM, SAID_REFUSED, SAID_UNKNOWN, SAID_UNREADABLE };

struct said {
	struct said *next;
	enum said_kind kind;
	uint32_t line;
	union {
		struct object *object;
		struct decode_problem *problem; /* its texts are behind it */
		const char *texts;		/* of refused and unknown: three or four, one after the other */
	};
};

struct recorder {
	struct said *first, **tail;
};

static struct said *add(struct recorder *r, enum said_kind kind, uint32_t line)
{
	struct said *s = mem_alloc(sizeof *s);

	s->kind = kind;
	s->line = line;
	*r->tail = s;
	r->tail = &s->next;
	return s;
}

/* ---- texts ---- */

static size_t texts_bytes(const char *const *texts, size_t count)
{
	size_t bytes = 0;

	for (size_t i = 0; i < count; i++)
		bytes += strlen(texts[i]) + 1;
	return bytes;
}

/* Copies them one after the other; each text is that of the copy afterwards. */
static void texts_copy(char *to, const char **texts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const size_t bytes = strlen(texts[i]) + 1;
		memcpy(to, texts[i], bytes);
		texts[i] = to;
		to += bytes;
	}
}

static char *texts_keep(const char **texts, size_t count)
{
	char *kept = mem_alloc(texts_bytes(texts, count));

	texts_copy(kept, texts, count);
	return kept;
}

static const char *text_next(const char *text)
{
	return text + strlen(text) + 1;
}

/* ---- keeping ---- */

static void keep_object(void *ctx, struct object *o, uint32_t line)
{
	add(ctx, SAID_OBJECT, line)->object = o;
}

static void keep_problem(void *ctx, const struct decode_problem *p)
{
	const char *texts[] = {p->kind, p->ns, p->name, p->field, p->reason, p->more != 0 ? p->more_fields : ""};
	const size_t count = sizeof texts / sizeof *texts;
	struct decode_problem *kept = mem_alloc(sizeof *kept + texts_bytes(texts, count));

	texts_copy((char *)(kept + 1), texts, count);
	*kept = (struct decode_problem){p->line,  texts[0],   texts[1], texts[2], texts[3],
					texts[4], p->refused, p->more,	texts[5]};
	add(ctx, SAID_PROBLEM, p->line)->problem = kept;
}

static void keep_refused(void *ctx, const char *kind, const char *ns, const char *name)
{
	const char *texts[] = {kind, ns, name};

	add(ctx, SAID_REFUSED, 0)->texts = texts_keep(texts, 3);
}

static void keep_unknown(void *ctx, const struct decode_unknown *u)
{
	const char *texts[] = {u->api_version, u->kind, u->ns, u->name};

	add(ctx, SAID_UNKNOWN, u->line)->texts = texts_keep(texts, 4);
}

static void keep_unreadable(void *ctx)
{
	add(ctx, SAID_UNREADABLE, 0);
}

struct said *said_read(struct manifest_parser *p, const struct yaml_chunk *chunk, bool item)
{
	struct recorder r = {0};
	const struct document_sink sink = {&r, keep_object, keep_problem, keep_refused, keep_unknown, keep_unreadable};

	r.tail = &r.first;
	manifest_parser_read(p, chunk, item, &sink);
	return r.first;
}

/* ---- saying it again ---- */

static void tell_refused(const struct said *s, const struct document_sink *sink)
{
	const char *ns = text_next(s->texts);

	sink->refused(sink->ctx, s->texts, ns, text_next(ns));
}

static void tell_unknown(const struct said *s, const struct document_sink *sink)
{
	struct decode_unknown u = {.line = s->line, .api_version = s->texts};

	u.kind = text_next(u.api_version);
	u.ns = text_next(u.kind);
	u.name = text_next(u.ns);
	sink->unknown(sink->ctx, &u);
}

static void tell(struct said *s, const struct document_sink *sink)
{
	switch (s->kind) {
	case SAID_OBJECT:
		sink->object(sink->ctx, s->object, s->line);
		s->object = NULL;
		break;
	case SAID_PROBLEM:
		sink->problem(sink->ctx, s->problem);
		break;
	case SAID_REFUSED:
		tell_refused(s, sink);
		break;
	case SAID_UNKNOWN:
		tell_unknown(s, sink);
		break;
	case SAID_UNREADABLE:
		sink->unreadable(sink->ctx);
		break;
	}
}

static void one_free(struct said *s)
{
	if (s->kind == SAID_OBJECT)
		object_free(s->object);
	else if (s->kind == SAID_PROBLEM)
		free(s->problem);
	else
		free((void *)(uintptr_t)s->texts);
	free(s);
}

void said_tell(struct said *said, const struct document_sink *sink)
{
	for (struct said *s = said, *next; s != NULL; s = next) {
		next = s->next;
		tell(s, sink);
		one_free(s);
	}
}

void said_free(struct said *said)
{
	for (struct said *s = said, *next; s != NULL; s = next) {
		next = s->next;
		one_free(s);
	}
}
