/* Decodes objects of every kind and fills in defaults. */
#include "watch/decode/decode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "watch/decode/decode_field.h"
#include "watch/decode/kinds.h"
#include "watch/decode/strict.h"
#include "watch/decode/validate.h"

static void unknown(struct decoder *d, const struct place *root, const char *version, const char *kind)
{
	const struct value *metadata = value_get(root->v, "metadata");
	struct place at = {.v = metadata}, name = place_key(&at, "name"), ns = place_key(&at, "namespace");

	if (d->sink->unknown != NULL)
		d->sink->unknown(d->sink->ctx, &(struct decode_unknown){.api_version = version,
									.kind = kind,
									.ns = place_text(&ns),
									.name = place_text(&name),
									.line = root->v->line});
}

/* The kind and version an item of a typed list has when it does not say so itself. */
struct inherited {
	const char *kind, *version;
};

static void object_end(struct decoder *d)
{
	if (d->refused && d->sink->refused != NULL)
		d->sink->refused(d->sink->ctx, d->kind, d->ns, d->name);
	if (d->sink->end != NULL)
		d->sink->end(d->sink->ctx);
}

static void object_begin(struct decoder *d)
{
	d->kind = d->ns = d->name = "";
	d->labels = d->annotations = NULL;
	d->refused = d->typed = false;
	d->problems = 0;
	arena_reset(d->scratch);
}

static bool read_kind(struct decoder *d, const struct place *root, const struct inherited *from, struct inherited *out)
{
	struct place kind = place_key(root, "kind"), version = place_key(root, "apiVersion");

	if (root->v->type != VALUE_MAP) {
		decode_refuse(d, root, "an object is expected, not a %s", value_type_name(root->v));
		return false;
	}
	out->kind = place_absent(&kind) ? from->kind : field_string(d, &kind);
	out->version = place_absent(&version) ? from->version : field_string(d, &version);
	if (out->kind == NULL)
		decode_refuse(d, &kind, "missing");
	else if (out->version == NULL)
		decode_refuse(d, &version, "missing");
	return out->kind != NULL && out->version != NULL;
}

static void decode_object(struct decoder *d, const struct place *root, const struct inherited *is)
{
	const struct kind *k = kind_find(is->kind, is->version);

	if (k == NULL) {
		unknown(d, root, is->version, is->kind);
		return;
	}
	d->kind = k->name;
	if (!decode_identity(d, root, k->namespaced, k->name_ok))
		return;
	if (!d->lenient)
		strict_check(d, root, schema_of(k->name));
	decode_labels(d, root);
	if (!d->lenient)
		validate_meta(d, root);
	k->decode(d, root);
}

static void item_decode(struct decoder *d, const struct place *item, const struct inherited *from)
{
	struct inherited is;

	object_begin(d);
	if (read_kind(d, item, from, &is))
		decode_object(d, item, &is);
	object_end(d);
}

static void decode_list(struct decoder *d, const struct place *root, const struct inherited *is)
{
	struct place items = place_key(root, "items");
	size_t suffix = strlen(is->kind) - strlen("List"), index = 0;
	char *kind = mem_alloc(suffix + 1);
	struct inherited from = {.kind = suffix != 0 ? memcpy(kind, is->kind, suffix) : NULL,
				 .version = suffix != 0 ? is->version : NULL};

	if (!d->lenient)
		strict_check(d, root, schema_list);
	d->typed = false;
	field_list(d, &items);
	object_end(d);
	const struct value *v = items.v != NULL && items.v->type == VALUE_LIST ? items.v->first : NULL;
	for (; v != NULL; v = v->next) {
		struct place item = place_item(&items, index++, v);
		item.object = true;
		item_decode(d, &item, &from); /* a list in a list is an unknown kind: no recursion */
	}
	free(kind);
}

static bool is_list(const struct place *root, const char *kind)
{
	return kind_is_list(kind) && (strcmp(kind, "List") == 0 || value_get(root->v, "items") != NULL);
}

void decode_document(struct decoder *d, const struct value *v, const struct decode_sink *sink)
{
	struct place root = {.v = v};
	struct inherited none = {0}, is;

	if (v == NULL || v->type == VALUE_NULL)
		return;
	d->sink = sink;
	object_begin(d);
	if (!read_kind(d, &root, &none, &is)) {
		object_end(d);
	} else if (is_list(&root, is.kind)) {
		decode_list(d, &root, &is);
	} else {
		decode_object(d, &root, &is);
		object_end(d);
	}
}

void decode_emit(struct decoder *d, struct object *o, uint32_t line, int64_t trigger_ms)
{
	const char *wrong;
	struct object *exact;

	if (d->refused)
		return;
	if (o->name == NULL)
		o->name = d->name;
	o->ns = d->ns;
	if ((wrong = identity_wrong(o)) != NULL) {
		decode_refuse(d, &(struct place){.v = NULL}, "%s", wrong);
		return;
	}
	exact = pack_copy(&d->pack, o);
	if (exact->kind == OBJECT_SLICE)
		((struct slice_object *)exact)->trigger_ms = trigger_ms;
	d->sink->object(d->sink->ctx, exact, line);
}

void decode_item(struct decoder *d, const char *kind, const char *api_version, const struct value *v,
		 const struct decode_sink *sink)
{
	struct place root = {.v = v};
	struct inherited from = {.kind = kind, .version = api_version};

	d->sink = sink;
	item_decode(d, &root, &from);
}

struct decoder *decoder_new(bool lenient)
{
	struct decoder *d = mem_alloc(sizeof *d);

	d->lenient = lenient;
	d->scratch = arena_new(16384);
	return d;
}

void decoder_free(struct decoder *d)
{
	if (d == NULL)
		return;
	arena_free(d->scratch);
	pack_fini(&d->pack);
	free(d);
}
