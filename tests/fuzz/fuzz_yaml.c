/* Any bytes as a YAML file: documents cover all bytes, each is read or refused with a line inside of it. */
#include <stdlib.h>
#include <string.h>

#include "watch/manifest/yaml.h"
#include "watch/manifest/yaml_build.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static uint32_t lines_in(const struct yaml_chunk *c)
{
	uint32_t n = 0;

	for (size_t i = 0; i < c->length_bytes; i++)
		n += c->text[i] == '\n' || c->text[i] == '\r' ||
		     c->text[i] == '\x85' || /* YAML 1.1: also NEL, LS, PS */
		     c->text[i] == '\xa8' || c->text[i] == '\xa9';
	return n;
}

static size_t walk(const struct value *v, const struct yaml_chunk *c, size_t depth)
{
	size_t n = 1;

	must(depth <= VALUE_DEPTH_MAX);
	must(v->text != NULL && value_type_name(v) != NULL);
	must(v->line >= c->line && v->line <= c->line + lines_in(c));
	must((v->type == VALUE_LIST || v->type == VALUE_MAP) == (v->first != NULL) || v->count == 0);
	for (const struct value *e = v->first; e != NULL; e = e->next) {
		must(v->type != VALUE_MAP || e->key != NULL);
		n += walk(e, c, depth + 1);
	}
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct yaml_parser *parser = yaml_parser_new();
	struct arena *arena = arena_new(4096);
	struct yaml_chunk chunk;
	size_t at = 0, before = 0;
	uint32_t line = 1;

	while (yaml_next_document((const char *)data, size, &at, &line, &chunk)) {
		const struct value *v = NULL;
		struct yaml_error error;
		must(chunk.text == (const char *)data + before && chunk.length_bytes == at - before);
		before = at;
		if (!yaml_parse(parser, &chunk, arena, &v, &error))
			must(v == NULL && error.reason[0] != '\0' && error.line >= chunk.line);
		else if (v != NULL)
			must(walk(v, &chunk, 0) <= chunk.length_bytes + YAML_ALIAS_VALUES_MAX + 1);
		arena_reset(arena);
	}
	must(at == size);
	yaml_parser_free(parser);
	arena_free(arena);
	return 0;
}
