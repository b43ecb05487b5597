/* YAML text to values, for unit tests: include after <cmocka.h>. */
#ifndef TESTS_YAML_WORLD_H
#define TESTS_YAML_WORLD_H

#include "base/buf.h"
#include "watch/decode/json.h"
#include "watch/manifest/yaml.h"

struct world {
	struct arena *arena;
	struct yaml_parser *parser;
	struct yaml_error error;
};

static inline int world_new(void **state)
{
	static struct world w;

	w = (struct world){.arena = arena_new(4096), .parser = yaml_parser_new()};
	*state = &w;
	return 0;
}

static inline int world_free(void **state)
{
	struct world *w = *state;

	arena_free(w->arena);
	yaml_parser_free(w->parser);
	return 0;
}

static inline const struct value *parse(struct world *w, const char *text)
{
	struct yaml_chunk chunk = {.text = text, .length_bytes = strlen(text), .line = 1};
	const struct value *v = NULL;

	assert_true(yaml_parse(w->parser, &chunk, w->arena, &v, &w->error));
	return v;
}

static inline void assert_error(struct world *w, const char *text, uint32_t line, const char *reason)
{
	struct yaml_chunk chunk = {
		.text = text, .length_bytes = strlen(text), .line = 11}; /* the chunk starts at line 11 of its file */
	const struct value *v;

	assert_false(yaml_parse(w->parser, &chunk, w->arena, &v, &w->error));
	assert_null(v);
	assert_string_equal(w->error.reason, reason);
	assert_int_equal(w->error.line, line);
}

#endif
