#include "watch/decode/value.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"

#define FEW_KEYS 12 /* up to here comparing all pairs is cheaper than a hash map */

const char *value_type_name(const struct value *v)
{
	static const char *const names[] = {"null", "boolean", "number", "string", "list", "map"};

	return v == NULL ? "null" : names[v->type];
}

const struct value *value_get(const struct value *v, const char *key)
{
	if (v == NULL || v->type != VALUE_MAP)
		return NULL;
	for (const struct value *c = v->first; c != NULL; c = c->next)
		if (strcmp(c->key, key) == 0)
			return c->type != VALUE_NULL ? c : NULL;
	return NULL;
}

void value_append(struct value *parent, struct value *child)
{
	if (parent->last != NULL)
		parent->last->next = child;
	else
		parent->first = child;
	parent->last = child;
	parent->count++;
}

static const struct value *duplicate_of_many(const struct value *map)
{
	struct map seen = {0};
	const struct value *c = map->first;

	while (c != NULL && map_put_str(&seen, c->key, (void *)(uintptr_t)c) == NULL)
		c = c->next;
	map_fini(&seen);
	return c;
}

const struct value *value_duplicate(const struct value *map)
{
	if (map->count > FEW_KEYS)
		return duplicate_of_many(map);
	for (const struct value *c = map->first; c != NULL; c = c->next)
		for (const struct value *d = map->first; d != c; d = d->next)
			if (c->key[0] == d->key[0] && strcmp(c->key, d->key) == 0)
				return c;
	return NULL;
}

static bool one_of(const char *text, const char *const *words)
{
	for (; *words != NULL; words++)
		if (strcmp(text, *words) == 0)
			return true;
	return false;
}

/* Digits with their base, as Go's ParseInt with base 0 reads them (what kubectl's YAML library calls). */
static bool parse_integer(const char *text, int64_t *out)
{
	const char *p = text + (*text == '-' || *text == '+');
	char *end;
	int base = 10;

	if (!isdigit((unsigned char)*p))
		return false;
	if (p[0] == '0' && (p[1] == 'x' || p[1] == 'X')) {
		base = 16;
		p += 2;
	} else if (p[0] == '0' && (p[1] == 'o' || p[1] == 'O')) {
		base = 8;
		p += 2;
	} else if (p[0] == '0' && p[1] != '\0') {
		base = 8;
	}
	if (!isxdigit((unsigned char)*p))
		return false;
	errno = 0;
	long long value = strtoll(p, &end, base);
	if (errno != 0 || *end != '\0')
		return false;
	*out = *text == '-' ? -value : value;
	return true;
}

/* 1.5, 1e3, .5; not "1.2.3.4", "0x1p3", "inf", "1_000": those are strings for us. */
static bool parse_decimal(const char *text, double *out)
{
	const char *p = text + (*text == '-' || *text == '+');
	const char *dot = strchr(p, '.');
	char *end;

	if (!isdigit((unsigned char)p[0]) && !(p[0] == '.' && isdigit((unsigned char)p[1])))
		return false;
	if ((dot != NULL && strchr(dot + 1, '.') != NULL) || p[strspn(p, "0123456789.eE+-")] != '\0')
		return false; /* most of what comes here is an address: no strtod for it */
	*out = strtod(text, &end);
	return *end == '\0';
}

static void resolve_number(struct value *v)
{
	double real;

	if (parse_integer(v->text, &v->integer)) {
		v->type = VALUE_NUMBER;
		v->whole = true;
	} else if (parse_decimal(v->text, &real)) {
		v->type = VALUE_NUMBER;
		v->whole = real > -9e15 && real < 9e15 && (double)(int64_t)real == real;
		v->integer = v->whole ? (int64_t)real : 0;
	}
}

void value_resolve_plain(struct value *v)
{
	static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
	static const char *const yes[] = {"true", "True", "TRUE", NULL};
	static const char *const no[] = {"false", "False", "FALSE", NULL};

	v->plain = true;
	v->type = VALUE_STRING;
	if (strchr("~nNtTfF", v->text[0]) != NULL) { /* also the empty text */
		if (one_of(v->text, nulls))
			v->type = VALUE_NULL;
		else if (one_of(v->text, yes) || one_of(v->text, no)) {
			v->type = VALUE_BOOL;
			v->boolean = one_of(v->text, yes);
		}
	} else if (strchr("+-.0123456789", v->text[0]) != NULL) {
		resolve_number(v);
	}
}
