/* Unknown and misplaced fields, by the tables of schema.c. */
#include "watch/decode/strict.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "watch/decode/decode_time.h"

#define MEANT_BYTES 160

struct walk {
	struct decoder *decoder;
	const struct schema *top;
	size_t unknown;
};

/* ---- what was meant ---- */

/* So many typing mistakes are believed: a short name that differs more is another name. */
static size_t mistakes_of(const char *name)
{
	size_t n = strlen(name);

	return n < 3 ? 0 : n < 6 ? 1 : n < 10 ? 2 : 3;
}

static const char *nearest(const struct schema *fields, const char *name)
{
	size_t best = mistakes_of(name) + 1;
	const char *found = NULL;

	for (const struct schema *f = fields; f->name != NULL; f++) {
		size_t distance = strcasecmp(f->name, name) == 0 ? 0 : text_distance(f->name, name, best - 1);
		if (distance < best) {
			best = distance;
			found = f->name;
		}
	}
	return found;
}

/* The first path that ends in a field of this name, or of one near it; below metadata nothing but its own is meant. */
static bool elsewhere(const struct schema *fields, const char *name, bool exact, char *path, size_t room)
{
	const char *found = NULL;

	for (const struct schema *f = fields; f->name != NULL && found == NULL; f++)
		if (strcasecmp(f->name, name) == 0)
			found = f->name;
	if (found == NULL && !exact)
		found = nearest(fields, name);
	if (found != NULL)
		return (size_t)snprintf(path, room, "%s", found) < room;
	for (const struct schema *f = fields; f->name != NULL; f++) {
		size_t n = strlen(f->name) + (f->type == SCHEMA_LIST ? 3 : 1);
		if (f->fields == NULL || n >= room || strcmp(f->name, "managedFields") == 0 ||
		    !elsewhere(f->fields, name, exact, path + n, room - n))
			continue;
		memcpy(path, f->name, strlen(f->name));
		memcpy(path + strlen(f->name), f->type == SCHEMA_LIST ? "[]." : ".", n - strlen(f->name));
		return true;
	}
	return false;
}

static void report_unknown(struct walk *w, const struct place *p, const struct schema *siblings)
{
	char path[MEANT_BYTES] = "";
	const char *meant;

	if (w->unknown++ >= STRICT_UNKNOWN_MAX)
		return;
	meant = nearest(siblings, p->key);
	if (meant == NULL ||
	    strcasecmp(meant, p->key) != 0) { /* an exact name in another place beats a near one here */
		if (elsewhere(w->top, p->key, true, path, sizeof path) ||
		    (meant == NULL && elsewhere(w->top, p->key, false, path, sizeof path)))
			meant = path;
	}
	if (meant == NULL)
		decode_warning(w->decoder, p, "unknown field, ignored");
	else
		decode_warning(w->decoder, p, "unknown field, ignored; did you mean %s?", meant);
}

/* ---- types ---- */

static void expect(struct walk *w, const struct place *p, enum value_type type, const char *expected)
{
	const bool quotes = type == VALUE_STRING && (p->v->type == VALUE_NUMBER || p->v->type == VALUE_BOOL);
	bool old;

	/* Also y and n are such words; as short names they are too common to be a surprise to anyone but kubectl. */
	if (type == VALUE_STRING && p->v->type == type && p->v->plain && p->v->text[0] != '\0' &&
	    p->v->text[1] != '\0' && value_old_bool(p->v, &old)) {
		decode_error(w->decoder, p, "%s is a boolean in YAML 1.1: put it in quotes", p->v->text);
		return;
	}
	if (p->v->type == type)
		return;
	if (type == VALUE_BOOL && p->v->type == VALUE_STRING && p->v->plain && value_old_bool(p->v, &old))
		return;
	decode_error(w->decoder, p, "%s is expected, not a %s%s", expected, value_type_name(p->v),
		     quotes ? ": put it in quotes" : "");
}

static void expect_time(struct walk *w, const struct place *p)
{
	expect(w, p, VALUE_STRING, "a time");
	if (p->v->type == VALUE_STRING && !decode_is_time(p->v->text))
		decode_error(w->decoder, p, "\"%.40s\" is not a time such as 2006-01-02T15:04:05Z", p->v->text);
}

/* A list of strings or a map of them, where null is an empty one. */
static void expect_strings(struct walk *w, const struct place *p, enum value_type container)
{
	size_t index = 0;

	if (p->v->type != container) {
		expect(w, p, container, container == VALUE_LIST ? "a list" : "a map");
		return;
	}
	for (const struct value *v = p->v->first; v != NULL; v = v->next) {
		struct place item = {.up = p, .key = v->key, .index = index++, .v = v};
		if (container == VALUE_LIST || v->type != VALUE_NULL)
			expect(w, &item, VALUE_STRING, "a string");
	}
}

/* ---- the walk: as deep as the tables are ---- */

static void check_map(struct walk *w, const struct place *p, const struct schema *fields);

static void check_list(struct walk *w, const struct place *p, const struct schema *fields)
{
	size_t index = 0;

	for (const struct value *v = p->v->first; v != NULL; v = v->next) {
		struct place item = place_item(p, index++, v);
		if (v->type == VALUE_MAP)
			check_map(w, &item, fields);
		else
			expect(w, &item, VALUE_MAP, "a map");
	}
}

static void check_field(struct walk *w, const struct place *p, const struct schema *field)
{
	if (p->v->type == VALUE_NULL)
		return; /* as if it were absent */
	switch (field->type) {
	case SCHEMA_ANY:
		break;
	case SCHEMA_STRING:
		expect(w, p, VALUE_STRING, "a string");
		break;
	case SCHEMA_BOOL:
		expect(w, p, VALUE_BOOL, "true or false");
		break;
	case SCHEMA_INTEGER:
		expect(w, p, VALUE_NUMBER, "a number");
		break;
	case SCHEMA_INT_OR_STRING:
		if (p->v->type != VALUE_NUMBER)
			expect(w, p, VALUE_STRING, "a number or a string");
		break;
	case SCHEMA_TIME:
		expect_time(w, p);
		break;
	case SCHEMA_STRINGS:
		expect_strings(w, p, VALUE_LIST);
		break;
	case SCHEMA_STRING_MAP:
		expect_strings(w, p, VALUE_MAP);
		break;
	case SCHEMA_MAP:
		if (p->v->type == VALUE_MAP)
			check_map(w, p, field->fields);
		else
			expect(w, p, VALUE_MAP, "a map");
		break;
	case SCHEMA_LIST:
		if (p->v->type == VALUE_LIST)
			check_list(w, p, field->fields);
		else
			expect(w, p, VALUE_LIST, "a list");
		break;
	}
}

static void check_map(struct walk *w, const struct place *p, const struct schema *fields)
{
	for (const struct value *v = p->v->first; v != NULL; v = v->next) {
		struct place entry = {.up = p, .key = v->key, .v = v};
		const struct schema *f = fields;
		while (f->name != NULL && strcmp(f->name, v->key) != 0)
			f++;
		if (f->name != NULL)
			check_field(w, &entry, f);
		else
			report_unknown(w, &entry, fields);
	}
}

void strict_check(struct decoder *d, const struct place *root, const struct schema *fields)
{
	struct walk w = {.decoder = d, .top = fields};

	check_map(&w, root, fields);
	d->typed = true;
}
