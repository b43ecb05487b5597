/* Parses YAML with libyaml. */
#include "watch/manifest/yaml.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/log.h"
#include "base/map.h"
#include "watch/decode/json.h"
#include "watch/manifest/yaml_scalar.h"

struct anchor {
	const struct value *value; /* NULL while its collection is open: an alias to it would be a loop */
	size_t size;		   /* values, what its own aliases stand for included */
};

struct open_collection {
	struct value *value;
	const char *key; /* maps: waits for its value */
	bool merge;	 /* that key is << */
	struct anchor *anchor;
	size_t before; /* values and alias_values when it was opened */
	bool merges;   /* maps: has a key << */
};

struct yaml_parser {
	struct arena *arena; /* of the caller, during a parse */
	struct yaml_error *error;
	struct yaml_chunk chunk;
	struct value *root;
	struct map anchors; /* by name: a later anchor of the same name hides the earlier */
	size_t values, alias_values;
	uint32_t last_line; /* of the event before */
	size_t depth;
	struct open_collection open[VALUE_DEPTH_MAX];
};

/* ---- errors: the first one sticks ---- */

static bool fail(struct yaml_parser *p, uint32_t line, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static bool fail(struct yaml_parser *p, uint32_t line, const char *fmt, ...)
{
	va_list ap;

	if (p->error->reason[0] != '\0')
		return false;
	va_start(ap, fmt);
	vsnprintf(p->error->reason, sizeof p->error->reason, fmt, ap);
	va_end(ap);
	p->error->line = line;
	return false;
}

/* libyaml puts a value that is not there where the next token is, at the end of a text even a line behind it. */
static uint32_t line_of(const struct yaml_parser *p, const yaml_event_t *event)
{
	if (event->type == YAML_SCALAR_EVENT && event->start_mark.index == event->end_mark.index)
		return p->last_line;
	return p->chunk.line + (uint32_t)event->start_mark.line;
}

/* ---- building ---- */

static struct value *value_new(struct yaml_parser *p, enum value_type type, uint32_t line)
{
	struct value *v;

	if (p->values == YAML_VALUES_MAX) {
		fail(p, line, "more than %d values in one document", YAML_VALUES_MAX);
		return NULL;
	}
	v = arena_alloc(p->arena, sizeof *v);
	p->values++;
	v->type = (uint8_t)type;
	v->line = line;
	v->text = "";
	return v;
}

/* "<<": the entries of another map that this map does not have itself (YAML 1.1 merge, as kubectl reads it). */
static bool merge_map(struct yaml_parser *p, struct value *map, struct map *keys, const struct value *from,
		      uint32_t line)
{
	if (from->type != VALUE_MAP)
		return fail(p, line, "merge key <<: a map is expected, not a %s", value_type_name(from));
	for (const struct value *c = from->first; c != NULL; c = c->next) {
		struct value *copy;
		if (++p->alias_values > YAML_ALIAS_VALUES_MAX)
			return fail(p, line, "aliases expand to more than %d values", YAML_ALIAS_VALUES_MAX);
		if (map_get_str(keys, c->key) != NULL)
			continue;
		if ((copy = value_new(p, VALUE_NULL, line)) == NULL)
			return false;
		*copy = *c;
		copy->next = NULL;
		value_append(map, copy);
		map_put_str(keys, copy->key, copy);
	}
	return true;
}

static bool merge_all(struct yaml_parser *p, struct value *map, struct map *keys, const struct value *merges)
{
	for (const struct value *m = merges; m != NULL; m = m->next) {
		if (m->type != VALUE_LIST && !merge_map(p, map, keys, m, m->line))
			return false;
		for (const struct value *c = m->type == VALUE_LIST ? m->first : NULL; c != NULL; c = c->next)
			if (!merge_map(p, map, keys, c, m->line))
				return false;
	}
	return true;
}

/* Takes the entries without a key, which wait to be merged, out of the map, and merges them. */
static bool map_merge(struct yaml_parser *p, struct value *map)
{
	struct value *entries = map->first, *merges = NULL, **tail = &merges, *next;
	struct map keys = {0};
	bool ok;

	map->first = map->last = NULL;
	map->count = 0;
	for (struct value *c = entries; c != NULL; c = next) {
		next = c->next;
		c->next = NULL;
		if (c->key == NULL) {
			*tail = c;
			tail = &c->next;
		} else {
			value_append(map, c);
			map_put_str(&keys, c->key, c);
		}
	}
	ok = merge_all(p, map, &keys, merges);
	map_fini(&keys);
	return ok;
}

static bool map_finish(struct yaml_parser *p, struct open_collection *c)
{
	const struct value *twice;

	if (c->merges && !map_merge(p, c->value))
		return false;
	twice = value_duplicate(c->value);
	return twice == NULL || fail(p, twice->line, "key \"%.60s\" is there twice", twice->key);
}

static bool place_key_text(struct yaml_parser *p, struct open_collection *in, struct value *v)
{
	if (v->type == VALUE_LIST || v->type == VALUE_MAP)
		return fail(p, v->line, "a %s cannot be a key", value_type_name(v));
	in->merge = v->plain && strcmp(v->text, "<<") == 0;
	in->merges = in->merges || in->merge;
	if ((in->key = yaml_key_text(v, p->arena)) == NULL)
		return fail(p, v->line, "null cannot be a key");
	return true;
}

/* Puts a finished or just opened value where it belongs. A key is the text of a scalar. */
static bool place(struct yaml_parser *p, struct value *v)
{
	if (p->depth == 0) {
		if (p->root != NULL)
			return fail(p, v->line, "a second document without a --- line");
		p->root = v;
		return true;
	}
	struct open_collection *in = &p->open[p->depth - 1];
	if (in->value->type == VALUE_LIST) {
		value_append(in->value, v);
		return true;
	}
	if (in->key == NULL)
		return place_key_text(p, in, v);
	v->key = in->merge ? NULL : in->key;
	in->key = NULL;
	value_append(in->value, v);
	return true;
}

static struct anchor *anchor_add(struct yaml_parser *p, const yaml_char_t *name)
{
	struct anchor *a;

	if (name == NULL)
		return NULL;
	a = arena_alloc(p->arena, sizeof *a);
	map_put_str(&p->anchors, arena_strdup(p->arena, (const char *)name), a);
	return a;
}

static bool add_scalar(struct yaml_parser *p, const yaml_event_t *event)
{
	const char *text = (const char *)event->data.scalar.value, *wrong;
	const size_t n = event->data.scalar.length;
	struct value *v = value_new(p, VALUE_STRING, line_of(p, event));
	struct anchor *a = anchor_add(p, event->data.scalar.anchor);

	if (v == NULL)
		return false;
	if (memchr(text, '\0', n) != NULL)
		return fail(p, v->line, "NUL character in a text");
	v->text = n != 0 ? arena_strndup(p->arena, text, n) : "";
	wrong = yaml_scalar_resolve(v, (const char *)event->data.scalar.tag, event->data.scalar.plain_implicit);
	if (wrong != NULL)
		return fail(p, v->line, "\"%.60s\" %s", v->text, wrong);
	if (a != NULL)
		*a = (struct anchor){v, 1};
	return place(p, v);
}

/* An alias shares the children of its anchor; what it stands for is counted as if copied. */
static bool add_alias(struct yaml_parser *p, const yaml_event_t *event)
{
	const char *name = (const char *)event->data.alias.anchor;
	const struct anchor *a = map_get_str(&p->anchors, name);
	uint32_t line = line_of(p, event);
	struct value *v;

	if (a == NULL)
		return fail(p, line, "alias *%.60s: no such anchor", name);
	if (a->value == NULL)
		return fail(p, line, "alias *%.60s: inside of its own anchor", name);
	p->alias_values += a->size;
	if (p->alias_values > YAML_ALIAS_VALUES_MAX)
		return fail(p, line, "aliases expand to more than %d values", YAML_ALIAS_VALUES_MAX);
	if ((v = value_new(p, VALUE_NULL, line)) == NULL)
		return false;
	*v = *a->value;
	v->next = NULL;
	v->key = NULL;
	return place(p, v);
}

static bool collection_open(struct yaml_parser *p, const yaml_event_t *event, enum value_type type)
{
	const size_t before = p->values + p->alias_values;
	struct value *v = value_new(p, type, line_of(p, event));

	if (v == NULL)
		return false;
	if (p->depth == VALUE_DEPTH_MAX)
		return fail(p, v->line, "nested deeper than %d levels", VALUE_DEPTH_MAX);
	if (!place(p, v))
		return false;
	p->open[p->depth++] = (struct open_collection){
		.value = v,
		.anchor = anchor_add(p, type == VALUE_MAP ? event->data.mapping_start.anchor
							  : event->data.sequence_start.anchor),
		.before = before,
	};
	return true;
}

static bool collection_close(struct yaml_parser *p)
{
	struct open_collection *c = &p->open[--p->depth];

	if (c->value->type == VALUE_MAP && !map_finish(p, c))
		return false;
	if (c->anchor != NULL)
		*c->anchor = (struct anchor){c->value, p->values + p->alias_values - c->before};
	return true;
}

static bool yaml_take(struct yaml_parser *p, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return add_scalar(p, event);
	case YAML_ALIAS_EVENT:
		return add_alias(p, event);
	case YAML_MAPPING_START_EVENT:
		return collection_open(p, event, VALUE_MAP);
	case YAML_SEQUENCE_START_EVENT:
		return collection_open(p, event, VALUE_LIST);
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		return collection_close(p);
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
		fail(p, line_at(&p->chunk, library->problem_offset), "%s: byte 0x%02x", problem,
		     library->problem_offset < p->chunk.length_bytes
			     ? (unsigned char)p->chunk.text[library->problem_offset]
			     : 0);
	else
		fail(p, p->chunk.line + (uint32_t)library->problem_mark.line, "%s%s%s", problem,
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

	if (!json_next_object(&p->chunk, &object, &after, &values) || values > YAML_VALUES_MAX ||
	    !text_is_blank(p->chunk.text + after, p->chunk.length_bytes - after) ||
	    memmem(object.text, object.length_bytes, "\\u0000", 6) != NULL ||
	    (v = json_parse_lines(object.text, object.length_bytes, object.line, p->arena)) == NULL)
		return false;
	p->root = (struct value *)(uintptr_t)v;
	twice = duplicate_within(v);
	*ok = twice == NULL || fail(p, twice->line, "key \"%.60s\" is there twice", twice->key);
	return true;
}

bool yaml_parse(struct yaml_parser *p, const struct yaml_chunk *chunk, struct arena *arena, const struct value **out,
		struct yaml_error *error)
{
	bool ok;

	*error = (struct yaml_error){0};
	*p = (struct yaml_parser){.arena = arena, .error = error, .chunk = *chunk, .last_line = chunk->line};
	if (!json_document(p, &ok))
		ok = library_parse(p, chunk);
	map_fini(&p->anchors);
	*out = ok && p->root != NULL && p->root->type != VALUE_NULL ? p->root : NULL;
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
