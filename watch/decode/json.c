#include "watch/decode/json.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

static const struct value *convert(const cJSON *item, struct arena *arena, size_t depth);

static void number(struct value *v, const cJSON *item, struct arena *arena)
{
	double real = item->valuedouble;

	v->type = VALUE_NUMBER;
	v->whole = real > -9e15 && real < 9e15 && (double)(int64_t)real == real;
	v->integer = v->whole ? (int64_t)real : 0;
	v->text = v->whole ? arena_printf(arena, "%lld", (long long)v->integer) : arena_printf(arena, "%g", real);
}

static bool children(struct value *v, const cJSON *item, struct arena *arena, size_t depth)
{
	if (depth == VALUE_DEPTH_MAX)
		return false;
	for (const cJSON *c = item->child; c != NULL; c = c->next) {
		struct value *child = (struct value *)(uintptr_t)convert(c, arena, depth + 1);
		if (child == NULL)
			return false;
		if (cJSON_IsObject(item))
			child->key = arena_strdup(arena, c->string);
		value_append(v, child);
	}
	return true;
}

static const struct value *convert(const cJSON *item, struct arena *arena, size_t depth)
{
	struct value *v = arena_alloc(arena, sizeof *v);

	v->text = "";
	if (cJSON_IsString(item)) {
		v->type = VALUE_STRING;
		v->text = arena_strdup(arena, item->valuestring);
	} else if (cJSON_IsNumber(item)) {
		number(v, item, arena);
	} else if (cJSON_IsBool(item)) {
		v->type = VALUE_BOOL;
		v->boolean = cJSON_IsTrue(item);
	} else if (cJSON_IsObject(item) || cJSON_IsArray(item)) {
		v->type = cJSON_IsObject(item) ? VALUE_MAP : VALUE_LIST;
		if (!children(v, item, arena, depth))
			return NULL;
	}
	return v;
}

static size_t skip_blanks(const char *text, size_t length_bytes, size_t at)
{
	while (at < length_bytes && memchr(" \t\r\n", text[at], 4) != NULL)
		at++;
	return at;
}

const struct value *json_parse(const char *text, size_t length_bytes, struct arena *arena, size_t *error_at)
{
	const char *end = text;
	cJSON *root = cJSON_ParseWithLengthOpts(text, length_bytes, &end, 0);
	const struct value *v = NULL;

	*error_at = end != NULL ? (size_t)(end - text) : 0;
	if (root == NULL)
		return NULL;
	*error_at = skip_blanks(text, length_bytes, *error_at);
	if (*error_at == length_bytes)
		v = convert(root, arena, 0);
	cJSON_Delete(root);
	return v;
}
