/* Parses JSON with cJSON. */
#include "watch/decode/json.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

/* cJSON keeps no positions: this walks over the same text, in the same order, and counts lines. */
struct reader {
	struct arena *arena;
	const char *at, *end; /* at NULL: lines are not wanted */
	uint32_t line;
};

static struct value *convert(struct reader *r, const cJSON *item, size_t depth);

static void step(struct reader *r)
{
	r->line += *r->at++ == '\n';
}

/* To the next value or key. */
static void to_token(struct reader *r)
{
	while (r->at != NULL && r->at < r->end && memchr(" \t\r\n,:", *r->at, 7) != NULL)
		step(r);
}

static void over_string(struct reader *r)
{
	if (r->at == NULL || r->at == r->end)
		return;
	for (step(r); r->at < r->end && *r->at != '"'; step(r))
		if (*r->at == '\\' && r->at + 1 < r->end)
			step(r);
	if (r->at < r->end)
		step(r);
}

static void over_word(struct reader *r)
{
	while (r->at != NULL && r->at < r->end && memchr(" \t\r\n,:]}", *r->at, 8) == NULL)
		step(r);
}

/* The sign that opens or closes a list or a map. */
static void over_sign(struct reader *r)
{
	to_token(r);
	if (r->at != NULL && r->at < r->end)
		step(r);
}

static void number(struct value *v, const cJSON *item, struct arena *arena)
{
	double real = item->valuedouble;

	v->type = VALUE_NUMBER;
	v->whole = real > -9e15 && real < 9e15 && (double)(int64_t)real == real;
	v->integer = v->whole ? (int64_t)real : 0;
	v->text = v->whole ? arena_printf(arena, "%lld", (long long)v->integer) : arena_printf(arena, "%g", real);
}

static bool children(struct reader *r, struct value *v, const cJSON *item, size_t depth)
{
	struct value *last = NULL;

	if (depth == VALUE_DEPTH_MAX)
		return false;
	over_sign(r);
	for (const cJSON *c = item->child; c != NULL; c = c->next) {
		struct value *child;
		if (cJSON_IsObject(item)) {
			to_token(r);
			over_string(r);
		}
		if ((child = convert(r, c, depth + 1)) == NULL)
			return false;
		if (cJSON_IsObject(item))
			child->key = arena_strdup(r->arena, c->string);
		value_append(v, &last, child);
	}
	over_sign(r);
	return true;
}

static struct value *convert(struct reader *r, const cJSON *item, size_t depth)
{
	struct value *v = value_new(r->arena);

	to_token(r);
	v->line = r->line;
	v->text = "";
	if (cJSON_IsObject(item) || cJSON_IsArray(item)) {
		v->type = cJSON_IsObject(item) ? VALUE_MAP : VALUE_LIST;
		return children(r, v, item, depth) ? v : NULL;
	}
	if (cJSON_IsString(item)) {
		v->type = VALUE_STRING;
		v->text = arena_strdup(r->arena, item->valuestring);
		over_string(r);
		return v;
	}
	if (cJSON_IsNumber(item)) {
		number(v, item, r->arena);
	} else if (cJSON_IsBool(item)) {
		v->type = VALUE_BOOL;
		v->boolean = cJSON_IsTrue(item);
	}
	over_word(r);
	return v;
}

static size_t skip_blanks(const char *text, size_t length_bytes, size_t at)
{
	while (at < length_bytes && memchr(" \t\r\n", text[at], 4) != NULL)
		at++;
	return at;
}

static const struct value *parse(const char *text, size_t length_bytes, struct reader *r, size_t *error_at)
{
	const char *end = text;
	cJSON *root = cJSON_ParseWithLengthOpts(text, length_bytes, &end, 0);
	const struct value *v = NULL;

	*error_at = end != NULL ? (size_t)(end - text) : 0;
	if (root == NULL)
		return NULL;
	*error_at = skip_blanks(text, length_bytes, *error_at);
	if (*error_at == length_bytes)
		v = convert(r, root, 0);
	cJSON_Delete(root);
	return v;
}

const struct value *json_parse(const char *text, size_t length_bytes, struct arena *arena, size_t *error_at)
{
	return parse(text, length_bytes, &(struct reader){.arena = arena}, error_at);
}

const struct value *json_parse_lines(const char *text, size_t length_bytes, uint32_t line, struct arena *arena)
{
	struct reader r = {.arena = arena, .at = text, .end = text + length_bytes, .line = line};
	size_t error_at;

	return parse(text, length_bytes, &r, &error_at);
}
