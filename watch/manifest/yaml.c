#include "watch/manifest/yaml.h"

#include <libfyaml.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

struct anchor {
	const char *name;
	const struct value *value; /* NULL while its collection is open: an alias to it would be a loop */
	struct anchor *next;
};

struct open_collection {
	struct value *value;
	const char *key; /* maps: waits for its value */
	struct anchor *anchor;
};

struct yaml_parser {
	struct arena *arena; /* of the caller, during a parse */
	struct yaml_error *error;
	struct yaml_chunk chunk;
	struct value *root;
	struct anchor *anchors; /* newest first: a later anchor of the same name hides the earlier */
	size_t values, alias_values;
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

static uint32_t line_of(const struct yaml_parser *p, struct fy_event *event)
{
	const struct fy_mark *mark = fy_event_start_mark(event);

	return p->chunk.line + (mark != NULL ? (uint32_t)mark->line : 0);
}

/* ---- building ---- */

static struct value *value_new(struct yaml_parser *p, enum value_type type, uint32_t line)
{
	struct value *v = arena_alloc(p->arena, sizeof *v);

	p->values++;
	v->type = (uint8_t)type;
	v->line = line;
	v->text = "";
	return v;
}

static const char *token_text(struct yaml_parser *p, struct fy_token *token, uint32_t line)
{
	size_t n = 0;
	const char *text = token != NULL ? fy_token_get_text(token, &n) : "";

	if (text == NULL || memchr(text, '\0', n) != NULL) {
		fail(p, line, text == NULL ? "unreadable text" : "NUL character in a text");
		return NULL;
	}
	return n != 0 ? arena_strndup(p->arena, text, n) : "";
}

/*
 * A scalar on one line without anything to undo is the bytes between its marks: most are, and libfyaml takes its time
 * to find out. NULL: not so.
 */
static const char *raw_text(const struct yaml_parser *p, struct fy_event *event, enum fy_scalar_style style)
{
	const struct fy_mark *from = fy_event_start_mark(event), *to = fy_event_end_mark(event);
	const char *text;
	size_t n;

	if (from == NULL || to == NULL || from->line != to->line || to->input_pos <= from->input_pos ||
	    to->input_pos > p->chunk.length_bytes)
		return NULL;
	text = p->chunk.text + from->input_pos;
	n = to->input_pos - from->input_pos;
	if (style != FYSS_PLAIN && (style != FYSS_DOUBLE_QUOTED || memchr(text, '\\', n) != NULL) &&
	    (style != FYSS_SINGLE_QUOTED || memchr(text, '\'', n) != NULL))
		return NULL;
	return arena_strndup(p->arena, text, n);
}

/* Only !!str changes what we read; other tags leave a scalar to the plain rules. */
static bool tagged_string(struct fy_token *tag)
{
	size_t n = 0;
	const char *text = tag != NULL ? fy_token_get_text(tag, &n) : NULL;
	static const char str[] = "tag:yaml.org,2002:str";

	return text != NULL && n == sizeof str - 1 && memcmp(text, str, n) == 0;
}

/* "<<": the entries of another map that this map does not have itself (YAML 1.1 merge, as kubectl reads it). */
static bool merge_map(struct yaml_parser *p, struct value *map, const struct value *other, uint32_t line)
{
	if (other->type != VALUE_MAP)
		return fail(p, line, "merge key <<: a map is expected, not a %s", value_type_name(other));
	for (const struct value *c = other->first; c != NULL; c = c->next) {
		const struct value *have = map->first;
		while (have != NULL && strcmp(have->key, c->key) != 0)
			have = have->next;
		if (have != NULL)
			continue;
		if (++p->alias_values > YAML_ALIAS_VALUES_MAX)
			return fail(p, line, "aliases expand to more than %d values", YAML_ALIAS_VALUES_MAX);
		struct value *copy = value_new(p, VALUE_NULL, line);
		*copy = *c;
		copy->next = NULL;
		value_append(map, copy);
	}
	return true;
}

static bool map_merge_keys(struct yaml_parser *p, struct value *map)
{
	struct value *entries = map->first, *merges = NULL, **tail = &merges, *next;

	map->first = map->last = NULL;
	map->count = 0;
	for (struct value *c = entries; c != NULL; c = next) {
		next = c->next;
		c->next = NULL;
		if (strcmp(c->key, "<<") == 0) {
			*tail = c;
			tail = &c->next;
		} else {
			value_append(map, c);
		}
	}
	for (const struct value *m = merges; m != NULL; m = m->next) {
		if (m->type != VALUE_LIST) {
			if (!merge_map(p, map, m, m->line))
				return false;
			continue;
		}
		for (const struct value *c = m->first; c != NULL; c = c->next)
			if (!merge_map(p, map, c, m->line))
				return false;
	}
	return true;
}

static bool map_finish(struct yaml_parser *p, struct value *map)
{
	const struct value *twice = value_duplicate(map);
	bool merges = false;

	if (twice != NULL)
		return fail(p, twice->line, "key \"%.60s\" is there twice", twice->key);
	for (const struct value *c = map->first; c != NULL && !merges; c = c->next)
		merges = strcmp(c->key, "<<") == 0;
	return !merges || map_merge_keys(p, map);
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
	} else if (in->key != NULL) {
		v->key = in->key;
		in->key = NULL;
		value_append(in->value, v);
	} else if (v->type == VALUE_LIST || v->type == VALUE_MAP) {
		return fail(p, v->line, "a %s cannot be a key", value_type_name(v));
	} else {
		in->key = v->text;
	}
	return true;
}

static struct anchor *anchor_add(struct yaml_parser *p, struct fy_token *token, uint32_t line)
{
	struct anchor *a;

	if (token == NULL)
		return NULL;
	a = arena_alloc(p->arena, sizeof *a);
	a->name = token_text(p, token, line);
	a->next = p->anchors;
	return p->anchors = a;
}

static bool add_scalar(struct yaml_parser *p, struct fy_event *event)
{
	struct fy_token *token = event->scalar.value;
	struct value *v = value_new(p, VALUE_STRING, line_of(p, event));
	struct anchor *a = anchor_add(p, event->scalar.anchor, v->line);

	if (token == NULL && p->depth != 0) /* an empty value has no place of its own */
		v->line = p->open[p->depth - 1].value->line;
	enum fy_scalar_style style = token != NULL ? fy_token_scalar_style(token) : FYSS_PLAIN;
	v->text = token != NULL ? raw_text(p, event, style) : NULL;
	if (v->text == NULL)
		v->text = token_text(p, token, v->line);
	if (v->text == NULL)
		return false;
	if (style == FYSS_PLAIN && !tagged_string(event->scalar.tag))
		value_resolve_plain(v);
	if (a != NULL)
		a->value = v;
	return place(p, v);
}

static size_t value_size(const struct value *v, size_t limit)
{
	size_t n = 1;

	for (const struct value *c = v->first; c != NULL && n <= limit; c = c->next)
		n += value_size(c, limit - n);
	return n;
}

/* An alias shares the children of its anchor; what it stands for is counted as if copied. */
static bool add_alias(struct yaml_parser *p, struct fy_event *event)
{
	uint32_t line = line_of(p, event);
	const char *name = token_text(p, event->alias.anchor, line);
	const struct anchor *a = p->anchors;

	if (name == NULL)
		return false;
	while (a != NULL && (a->name == NULL || strcmp(a->name, name) != 0))
		a = a->next;
	if (a == NULL)
		return fail(p, line, "alias *%.60s: no such anchor", name);
	if (a->value == NULL)
		return fail(p, line, "alias *%.60s: inside of its own anchor", name);
	p->alias_values += value_size(a->value, YAML_ALIAS_VALUES_MAX);
	if (p->alias_values > YAML_ALIAS_VALUES_MAX)
		return fail(p, line, "aliases expand to more than %d values", YAML_ALIAS_VALUES_MAX);
	struct value *v = value_new(p, VALUE_NULL, line);
	*v = *a->value;
	v->next = NULL;
	v->key = NULL;
	return place(p, v);
}

static bool collection_open(struct yaml_parser *p, struct fy_event *event, enum value_type type)
{
	struct value *v = value_new(p, type, line_of(p, event));
	struct fy_token *anchor = type == VALUE_MAP ? event->mapping_start.anchor : event->sequence_start.anchor;

	if (p->depth == VALUE_DEPTH_MAX)
		return fail(p, v->line, "nested deeper than %d levels", VALUE_DEPTH_MAX);
	if (!place(p, v))
		return false;
	p->open[p->depth++] = (struct open_collection){v, NULL, anchor_add(p, anchor, v->line)};
	return true;
}

static bool collection_close(struct yaml_parser *p)
{
	struct open_collection *c = &p->open[--p->depth];

	if (c->anchor != NULL)
		c->anchor->value = c->value;
	return c->value->type != VALUE_MAP || map_finish(p, c->value);
}

static bool take(struct yaml_parser *p, struct fy_event *event)
{
	switch (event->type) {
	case FYET_SCALAR:
		return add_scalar(p, event);
	case FYET_ALIAS:
		return add_alias(p, event);
	case FYET_MAPPING_START:
		return collection_open(p, event, VALUE_MAP);
	case FYET_SEQUENCE_START:
		return collection_open(p, event, VALUE_LIST);
	case FYET_MAPPING_END:
	case FYET_SEQUENCE_END:
		return collection_close(p);
	default:
		return true;
	}
}

/* libfyaml's own words and line, when it has any. */
static void library_error(struct yaml_parser *p, struct fy_diag *diag)
{
	void *at = NULL;
	const struct fy_diag_error *e = fy_diag_errors_iterate(diag, &at);

	if (e != NULL && e->msg != NULL)
		fail(p, p->chunk.line - 1 + (e->line > 0 ? (uint32_t)e->line : 1), "%.*s", (int)strcspn(e->msg, "\n"),
		     e->msg);
	else
		fail(p, p->chunk.line, "not YAML");
}

static bool read_events(struct yaml_parser *p, struct fy_parser *fyp)
{
	struct fy_event *event;
	bool ok = true;

	while (ok && (event = fy_parser_parse(fyp)) != NULL) {
		ok = take(p, event);
		fy_parser_event_free(fyp, event);
	}
	return ok && !fy_parser_get_stream_error(fyp);
}

static bool library_parse(struct yaml_parser *p, const struct yaml_chunk *chunk)
{
	struct fy_diag_cfg diag_cfg = {.level = FYET_ERROR, .module_mask = UINT32_MAX};
	struct fy_diag *diag = fy_diag_create(&diag_cfg);
	struct fy_parse_cfg cfg = {.flags = FYPCF_QUIET | FYPCF_JSON_NONE | FYPCF_SLOPPY_FLOW_INDENTATION,
				   .diag = diag};
	struct fy_parser *fyp = diag != NULL ? fy_parser_create(&cfg) : NULL;
	bool ok;

	if (fyp == NULL)
		fatalx("libfyaml: no parser");
	fy_diag_set_collect_errors(diag, true);
	ok = fy_parser_set_string(fyp, chunk->text, chunk->length_bytes) == 0 && read_events(p, fyp);
	if (!ok)
		library_error(p, diag);
	fy_diag_reset_error(diag); /* frees what was collected, while the parser that it points into lives */
	fy_parser_destroy(fyp);
	fy_diag_unref(diag);
	return ok;
}

bool yaml_parse(struct yaml_parser *p, const struct yaml_chunk *chunk, struct arena *arena, const struct value **out,
		struct yaml_error *error)
{
	bool ok;

	*error = (struct yaml_error){0};
	*p = (struct yaml_parser){.arena = arena, .error = error, .chunk = *chunk};
	ok = yaml_text_check(chunk, error) && library_parse(p, chunk);
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
