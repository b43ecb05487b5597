/* Parses YAML with libyaml. */
#include "watch/manifest/yaml.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/log.h"
#include "watch/decode/json.h"
#include "watch/manifest/json_text.h"
#include "watch/manifest/manifest_cut.h"
#include "watch/manifest/yaml_build.h"

#define JSON_MOST_BYTES ((size_t)2 << 20) /* larger ones are read as YAML */

struct yaml_parser {
	struct yaml_builder tree;
	struct yaml_chunk chunk;
	uint32_t last_line; /* of the event before */
};

/* libyaml puts a value that is not there where the next token is, at the end of a text even a line behind it. */
static uint32_t line_of(const struct yaml_parser *p, const yaml_event_t *event)
{
	if (event->type == YAML_SCALAR_EVENT && event->start_mark.index == event->end_mark.index)
		return p->last_line;
	return p->chunk.line + (uint32_t)event->start_mark.line;
}

static bool take_scalar(struct yaml_parser *p, const yaml_event_t *event)
{
	const struct yaml_scalar s = {
		.text = (const char *)event->data.scalar.value,
		.length_bytes = event->data.scalar.length,
		.tag = (const char *)event->data.scalar.tag,
		.anchor = (const char *)event->data.scalar.anchor,
		.plain = event->data.scalar.plain_implicit,
	};

	return build_scalar(&p->tree, line_of(p, event), &s);
}

static bool yaml_take(struct yaml_parser *p, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return take_scalar(p, event);
	case YAML_ALIAS_EVENT:
		return build_alias(&p->tree, line_of(p, event), (const char *)event->data.alias.anchor);
	case YAML_MAPPING_START_EVENT:
		return build_open(&p->tree, line_of(p, event), VALUE_MAP,
				  (const char *)event->data.mapping_start.anchor);
	case YAML_SEQUENCE_START_EVENT:
		return build_open(&p->tree, line_of(p, event), VALUE_LIST,
				  (const char *)event->data.sequence_start.anchor);
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		return build_close(&p->tree);
	default:
		return true;
	}
}

/* ---- the library ---- */

static uint32_t line_at(const struct yaml_chunk *chunk, size_t offset)
{
	uint32_t line = chunk->line;

	for (size_t i = 0; i < offset && i < chunk->length_bytes; i++)
		line += chunk->text[i] == '\n';
	return line;
}

/* libyaml's own words. Its reader knows an offset, the other parts a line. */
static void library_error(struct yaml_parser *p, const yaml_parser_t *library)
{
	const char *problem = library->problem != NULL ? library->problem : "not YAML";

	if (library->error == YAML_MEMORY_ERROR)
		fatalx("libyaml: out of memory");
	if (library->error == YAML_READER_ERROR)
		build_fail(&p->tree, line_at(&p->chunk, library->problem_offset), "%s: byte 0x%02x", problem,
			   library->problem_offset < p->chunk.length_bytes
				   ? (unsigned char)p->chunk.text[library->problem_offset]
				   : 0);
	else
		build_fail(&p->tree, p->chunk.line + (uint32_t)library->problem_mark.line, "%s%s%s", problem,
			   library->context != NULL ? " " : "", library->context != NULL ? library->context : "");
}

static bool read_events(struct yaml_parser *p, yaml_parser_t *library)
{
	yaml_event_t event;
	bool ok = true, end = false;

	while (ok && !end) {
		if (!yaml_parser_parse(library, &event)) {
			library_error(p, library);
			return false;
		}
		end = event.type == YAML_STREAM_END_EVENT;
		ok = yaml_take(p, &event);
		p->last_line = line_of(p, &event);
		yaml_event_delete(&event);
	}
	return ok;
}

static bool library_parse(struct yaml_parser *p, const struct yaml_chunk *chunk)
{
	yaml_parser_t library;
	bool ok;

	if (!yaml_parser_initialize(&library))
		fatalx("libyaml: out of memory");
	yaml_parser_set_encoding(&library, YAML_UTF8_ENCODING);
	const size_t mark = chunk->length_bytes >= 3 && memcmp(chunk->text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
	yaml_parser_set_input_string(&library, (const unsigned char *)chunk->text + mark, chunk->length_bytes - mark);
	ok = read_events(p, &library);
	yaml_parser_delete(&library);
	return ok;
}

/* ---- JSON: libyaml refuses its surrogate pairs ---- */

static const struct value *duplicate_within(const struct value *v)
{
	const struct value *twice = v->type == VALUE_MAP ? value_duplicate(v) : NULL;

	for (const struct value *c = v->first; c != NULL && twice == NULL; c = c->next)
		twice = duplicate_within(c);
	return twice;
}

/* True: it is JSON, and read, or refused with an error. A NUL in a text is left to the other parser, to be refused. */
static bool json_document(struct yaml_parser *p, bool *ok)
{
	struct yaml_chunk object;
	const struct value *v, *twice;
	size_t after, values;

	if (!json_next_object(&p->chunk, &object, &after, &values) || values > p->tree.values_max ||
	    !text_is_blank(p->chunk.text + after, p->chunk.length_bytes - after) ||
	    memmem(object.text, object.length_bytes, "\\u0000", 6) != NULL ||
	    !json_is_strict(object.text, object.length_bytes) ||
	    (v = json_parse_lines(object.text, object.length_bytes, object.line, p->tree.arena)) == NULL)
		return false;
	p->tree.root = (struct value *)(uintptr_t)v;
	twice = duplicate_within(v);
	*ok = twice == NULL || build_fail(&p->tree, twice->line, "key \"%.60s\" is there twice", twice->key);
	return true;
}

/* cJSON's own tree takes more than twice ours; libyaml reads JSON, too, but for surrogate pairs. */
static bool is_for_cjson(const struct yaml_chunk *chunk)
{
	return chunk->length_bytes <= JSON_MOST_BYTES || memmem(chunk->text, chunk->length_bytes, "\\ud", 3) != NULL ||
	       memmem(chunk->text, chunk->length_bytes, "\\uD", 3) != NULL;
}

/* In proportion to the text, so that memory is. */
static size_t values_max(size_t length_bytes)
{
	const size_t dense = length_bytes / YAML_BYTES_PER_VALUE;

	return dense < YAML_VALUES_MIN ? YAML_VALUES_MIN : dense < YAML_VALUES_MAX ? dense : YAML_VALUES_MAX;
}

/* Unread: whatever it says would take too long, or too much memory. */
static bool is_refused(struct yaml_parser *p, const struct yaml_chunk *chunk)
{
	if (chunk->rest)
		build_fail(&p->tree, chunk->line,
			   "too many documents in one file (%d, or one for %d bytes): those from here on are not read",
			   CUT_DOCUMENTS_MIN, CUT_BYTES_PER_DOCUMENT);
	else if (yaml_directives(chunk->text, chunk->length_bytes) > YAML_DIRECTIVES_MAX)
		build_fail(&p->tree, chunk->line, "more than %d directives", YAML_DIRECTIVES_MAX);
	return p->tree.error->reason[0] != '\0';
}

bool yaml_parse(struct yaml_parser *p, const struct yaml_chunk *chunk, struct arena *arena, const struct value **out,
		struct yaml_error *error)
{
	bool ok;

	*error = (struct yaml_error){0};
	*p = (struct yaml_parser){
		.tree = {.arena = arena, .error = error, .values_max = values_max(chunk->length_bytes)},
		.chunk = *chunk,
		.last_line = chunk->line};
	if (is_refused(p, chunk))
		ok = false;
	else if (!is_for_cjson(chunk) || !json_document(p, &ok))
		ok = library_parse(p, chunk);
	build_end(&p->tree);
	*out = ok && p->tree.root != NULL && p->tree.root->type != VALUE_NULL ? p->tree.root : NULL;
	return ok;
}

struct yaml_parser *yaml_parser_new(void)
{
	return mem_alloc(sizeof(struct yaml_parser));
}

void yaml_parser_free(struct yaml_parser *p)
{
	free(p);
}
