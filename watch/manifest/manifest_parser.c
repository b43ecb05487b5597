/* Reads one document: YAML, decoder, one line of problems for each object. */
#include "watch/manifest/manifest_parser.h"

#include <stdlib.h>

#include "watch/decode/decode.h"
#include "watch/decode/problems.h"
#include "watch/manifest/manifest_kind.h"
#include "watch/manifest/yaml.h"

#define ARENA_BYTES 65536
#define ARENA_MOST_BYTES ((size_t)1 << 20) /* a document that needs more does not keep it */

struct manifest_parser {
	struct yaml_parser *yaml;
	struct decoder *decoder;
	struct arena *arena;
	struct problems problems;	  /* of the object at hand */
	const struct document_sink *sink; /* of the document at hand */
};

struct manifest_parser *manifest_parser_new(void)
{
	struct manifest_parser *p = mem_alloc(sizeof *p);

	p->yaml = yaml_parser_new();
	p->decoder = decoder_new(false);
	p->arena = arena_new(ARENA_BYTES);
	return p;
}

void manifest_parser_free(struct manifest_parser *p)
{
	if (p == NULL)
		return;
	problems_fini(&p->problems);
	yaml_parser_free(p->yaml);
	decoder_free(p->decoder);
	arena_free(p->arena);
	free(p);
}

static void arena_clear(struct manifest_parser *p)
{
	if (arena_bytes(p->arena) <= ARENA_MOST_BYTES) {
		arena_reset(p->arena);
		return;
	}
	arena_free(p->arena);
	p->arena = arena_new(ARENA_BYTES);
}

/* ---- what the decoder says ---- */

static void on_object(void *ctx, struct object *o, uint32_t line)
{
	const struct manifest_parser *p = ctx;

	p->sink->object(p->sink->ctx, o, line);
}

static void on_problem(void *ctx, const struct decode_problem *problem)
{
	struct manifest_parser *p = ctx;

	problems_add(&p->problems, problem);
}

static void tell_problem(void *ctx, const struct decode_problem *problem)
{
	const struct manifest_parser *p = ctx;

	if (p->sink->problem != NULL)
		p->sink->problem(p->sink->ctx, problem);
}

static void on_end(void *ctx)
{
	struct manifest_parser *p = ctx;

	problems_tell(&p->problems, tell_problem, p);
}

static void on_refused(void *ctx, const char *kind, const char *ns, const char *name)
{
	const struct manifest_parser *p = ctx;

	if (p->sink->refused != NULL)
		p->sink->refused(p->sink->ctx, kind, ns, name);
}

static void on_unknown(void *ctx, const struct decode_unknown *u)
{
	const struct manifest_parser *p = ctx;

	if (p->sink->unknown != NULL)
		p->sink->unknown(p->sink->ctx, u);
}

/* ---- a document ---- */

static void decode(struct manifest_parser *p, const struct value *v, bool item)
{
	const struct decode_sink sink = {.ctx = p,
					 .object = on_object,
					 .problem = on_problem,
					 .refused = on_refused,
					 .unknown = on_unknown,
					 .end = on_end};

	if (item && v != NULL) /* of a YAML list: a sequence of one */
		decode_item(p->decoder, NULL, NULL, v->type == VALUE_LIST ? v->first : v, &sink);
	else
		decode_document(p->decoder, v, &sink);
	problems_fini(&p->problems);
}

static void tell_error(struct manifest_parser *p, const struct yaml_chunk *chunk, bool item,
		       const struct yaml_error *error)
{
	tell_problem(p, &(struct decode_problem){.line = error->line,
						 .kind = "",
						 .ns = "",
						 .name = "",
						 .field = "",
						 .reason = error->reason,
						 .refused = true});
	if (p->sink->unreadable != NULL && (chunk->rest || !text_shows_unknown_kind(chunk, item)))
		p->sink->unreadable(p->sink->ctx);
}

void manifest_parser_read(struct manifest_parser *p, const struct yaml_chunk *chunk, bool item,
			  const struct document_sink *sink)
{
	const struct value *v;
	struct yaml_error error;

	p->sink = sink;
	if (yaml_parse(p->yaml, chunk, p->arena, &v, &error))
		decode(p, v, item);
	else
		tell_error(p, chunk, item, &error);
	arena_clear(p);
	p->sink = NULL;
}
