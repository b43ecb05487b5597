/* Plain scalars and tags: resolve.go of go-yaml v2, in C. */
#include "watch/manifest/yaml_scalar.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_BYTES 128 /* longer texts are no numbers that a field here could hold */

static bool one_of(const char *text, const char *const *words)
{
	for (; *words != NULL; words++)
		if (strcmp(text, *words) == 0)
			return true;
	return false;
}

static bool is_word(struct value *v)
{
	static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
	static const char *const yes[] = {"true", "True", "TRUE", NULL};
	static const char *const no[] = {"false", "False", "FALSE", NULL};
	static const char *const reals[] = {".nan",  ".NaN",  ".NAN",  ".inf",	".Inf",	 ".INF", "+.inf",
					    "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF", NULL};

	if (one_of(v->text, nulls))
		v->type = VALUE_NULL;
	else if (one_of(v->text, yes) || one_of(v->text, no)) {
		v->type = VALUE_BOOL;
		v->boolean = one_of(v->text, yes);
	} else if (one_of(v->text, reals)) {
		v->type = VALUE_NUMBER;
	}
	return v->type != VALUE_STRING;
}

/* Go's ParseInt with base 0: 0x, 0o, 0b and 0 in front. */
static bool parse_integer(const char *text, int64_t *out)
{
	const char *p = text + (*text == '-' || *text == '+');
	char *end;
	int base = 10;

	if (p[0] == '0' && p[1] != '\0') {
		const char letter = (char)tolower((unsigned char)p[1]);
		base = letter == 'x' ? 16 : letter == 'b' ? 2 : 8;
		p += letter == 'x' || letter == 'b' || letter == 'o' ? 2 : 1;
	}
	if (!isxdigit((unsigned char)*p) || (base == 2 && *p > '1')) /* strtoull would take a sign or another prefix */
		return false;
	if (p[0] == '0' && strchr("xXbB", p[1]) != NULL && p[1] != '\0' && base != 16)
		return false;
	errno = 0;
	unsigned long long value = strtoull(p, &end, base);
	if (errno != 0 || *end != '\0' || value > (unsigned long long)INT64_MAX + (*text == '-'))
		return false;
	*out = *text == '-' ? (int64_t)(0 - value) : (int64_t)value;
	return true;
}

/* [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)? */
static bool is_decimal(const char *text)
{
	const char *p = text + (*text == '-' || *text == '+');
	const size_t whole = strspn(p, "0123456789");
	size_t part = 0;

	p += whole;
	if (*p == '.') {
		part = strspn(p + 1, "0123456789");
		p += 1 + part;
	}
	if (whole == 0 && part == 0)
		return false;
	if (*p == 'e' || *p == 'E') {
		p += 1 + (p[1] == '-' || p[1] == '+');
		if (!isdigit((unsigned char)*p))
			return false;
		p += strspn(p, "0123456789");
	}
	return *p == '\0';
}

static void resolve_number(struct value *v)
{
	char plain[NUMBER_BYTES];
	size_t n = 0;
	double real;

	for (const char *p = v->text; *p != '\0'; p++) {
		if (*p == '_' && v->text[0] != '.')
			continue;
		if (n + 1 == sizeof plain || (!isxdigit((unsigned char)*p) && strchr("+-.xXoO", *p) == NULL))
			return; /* most of what comes here is an address */
		plain[n++] = *p;
	}
	plain[n] = '\0';
	if (v->text[0] != '.' && parse_integer(plain, &v->integer)) {
		v->type = VALUE_NUMBER;
		v->whole = true;
	} else if (is_decimal(plain)) {
		real = strtod(plain, NULL);
		v->type = VALUE_NUMBER;
		v->whole = real > -9e15 && real < 9e15 && (double)(int64_t)real == real;
		v->integer = v->whole ? (int64_t)real : 0;
	}
}

static void resolve(struct value *v)
{
	if (strchr("~nNtTfF.+-", v->text[0]) != NULL && is_word(v)) /* also the empty text */
		return;
	if (v->text[0] != '\0' && strchr("+-.0123456789", v->text[0]) != NULL)
		resolve_number(v);
}

const char *yaml_scalar_resolve(struct value *v, const char *tag, bool plain)
{
	static const char yaml[] = "tag:yaml.org,2002:";
	static const struct {
		const char *name;
		enum value_type type;
		bool whole;
		const char *wrong;
	} tags[] = {
		{"int", VALUE_NUMBER, true, "is not of type !!int"},
		{"float", VALUE_NUMBER, false, "is not of type !!float"},
		{"bool", VALUE_BOOL, false, "is not of type !!bool"},
		{"null", VALUE_NULL, false, "is not of type !!null"},
	};

	v->type = VALUE_STRING;
	v->plain = plain;
	if (plain)
		resolve(v);
	if (tag == NULL || strncmp(tag, yaml, sizeof yaml - 1) != 0)
		return NULL; /* a tag of another program: a string */
	tag += sizeof yaml - 1;
	if (strcmp(tag, "binary") == 0)
		return "has the type !!binary, which no field here has";
	for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++) {
		if (strcmp(tag, tags[i].name) != 0)
			continue;
		resolve(v);
		if (tags[i].type == VALUE_BOOL && v->type == VALUE_STRING && value_old_bool(v, &v->boolean))
			v->type = VALUE_BOOL;
		return v->type == tags[i].type && (v->whole || !tags[i].whole) ? NULL : tags[i].wrong;
	}
	return NULL;
}

const char *yaml_key_text(const struct value *v, struct arena *arena)
{
	if (v->type == VALUE_NULL)
		return NULL;
	if (v->type == VALUE_BOOL)
		return v->boolean ? "true" : "false";
	if (v->type == VALUE_NUMBER && v->whole)
		return arena_printf(arena, "%" PRId64, v->integer);
	return v->text;
}
