/* YAML text to objects and lines of problems, for the decoder's tests: include after <cmocka.h>. */
#ifndef TESTS_DECODED_H
#define TESTS_DECODED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "watch/decode/decode.h"
#include "watch/decode/json.h"
#include "watch/manifest/yaml.h"

struct decoded {
	struct object *objects[64];
	size_t count;
	struct buf problems; /* a line each: "LINE kind ns/name: field: reason", "!" in front when refused */
	struct buf refused;  /* "kind ns/name" a line */
	struct buf unknown;  /* "version kind" a line */
};

static inline void decoded_object(void *ctx, struct object *o, uint32_t line)
{
	struct decoded *d = ctx;

	(void)line;
	assert_true(d->count < 64);
	d->objects[d->count++] = o;
}

static inline void decoded_problem(void *ctx, const struct decode_problem *p)
{
	struct decoded *d = ctx;
	char text[PROBLEM_TEXT_BYTES];

	buf_printf(&d->problems, "%s%u %s\n", p->refused ? "!" : "", p->line, decode_problem_format(text, NULL, p));
}

static inline void decoded_refused(void *ctx, const char *kind, const char *ns, const char *name)
{
	buf_printf(&((struct decoded *)ctx)->refused, "%s %s/%s\n", kind, ns, name);
}

static inline void decoded_unknown(void *ctx, const struct decode_unknown *u)
{
	buf_printf(&((struct decoded *)ctx)->unknown, "%s %s\n", u->api_version, u->kind);
}

static inline void decode_text(struct decoded *d, const char *text, bool lenient)
{
	struct decode_sink sink = {.ctx = d,
				   .object = decoded_object,
				   .problem = decoded_problem,
				   .refused = decoded_refused,
				   .unknown = decoded_unknown};
	struct yaml_parser *parser = yaml_parser_new();
	struct decoder *decoder = decoder_new(lenient);
	struct arena *arena = arena_new(4096);
	struct yaml_chunk chunk;
	struct yaml_error error;
	const struct value *v;
	uint32_t line = 1;
	size_t at = 0;

	*d = (struct decoded){0};
	buf_puts(&d->problems, "");
	buf_puts(&d->refused, "");
	buf_puts(&d->unknown, "");
	while (yaml_next_document(text, strlen(text), &at, &line, &chunk)) {
		assert_true(yaml_parse(parser, &chunk, arena, &v, &error));
		decode_document(decoder, v, &sink);
		arena_reset(arena);
	}
	arena_free(arena);
	decoder_free(decoder);
	yaml_parser_free(parser);
}

static inline void decoded_fini(struct decoded *d)
{
	for (size_t i = 0; i < d->count; i++)
		object_free(d->objects[i]);
	buf_fini(&d->problems);
	buf_fini(&d->refused);
	buf_fini(&d->unknown);
}

/* What strict decoding says about a document, all of it. */
static inline void assert_problems(const char *text, const char *expected)
{
	struct decoded d;

	decode_text(&d, text, false);
	assert_string_equal(d.problems.data, expected);
	decoded_fini(&d);
}

static inline bool addr_is(const struct addr *a, const char *text)
{
	char is[ADDR_TEXT_BYTES];

	return strcmp(addr_format(a, is), text) == 0;
}

#endif
