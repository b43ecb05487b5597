/* ValidateObjectMeta: labels, annotations, owners, finalizers (apimachinery pkg/api/validation/objectmeta.go). */
#include <stdio.h>
#include <string.h>

#include "watch/decode/validate.h"

#define ANNOTATIONS_BYTES_MAX (256 << 10)

void validate_label_key(struct decoder *d, const struct place *p)
{
	if (!place_absent(p) && !name_is_label_key(place_text(p), false))
		decode_error(d, p,
			     "\"%.80s\" is not a label name (a-z, A-Z, 0-9, -, _, . and a DNS name with / before)",
			     place_text(p));
}

void validate_labels(struct decoder *d, const struct place *map)
{
	for (const struct value *v = map->v != NULL ? map->v->first : NULL; v != NULL; v = v->next) {
		struct place entry = {.up = map, .key = v->key, .v = v};
		if (v->key == NULL)
			return; /* a list: strict_check said so */
		if (!name_is_label_key(v->key, false))
			decode_error(d, &entry, "its key is not a label name");
		if (!name_is_label_value(place_text(&entry)))
			decode_error(d, &entry, "\"%.80s\" is not a label value (at most 63 of a-z, A-Z, 0-9, -, _, .)",
				     place_text(&entry));
	}
}

static void validate_annotations(struct decoder *d, const struct place *map)
{
	size_t bytes = 0;

	for (const struct value *v = d->annotations != NULL ? d->annotations->first : NULL; v != NULL; v = v->next) {
		struct place entry = {.up = map, .key = v->key, .v = v};
		bytes += strlen(v->key) + strlen(place_text(&entry));
		if (!name_is_label_key(v->key, true))
			decode_error(d, &entry, "its key is not an annotation's name");
	}
	if (bytes > ANNOTATIONS_BYTES_MAX)
		decode_error(d, map, "%zu bytes, more than %d", bytes, ANNOTATIONS_BYTES_MAX);
}

/* ---- owners, finalizers, managed fields ---- */

static void owner_needs(struct decoder *d, const struct place *owner, const char *key)
{
	struct place p = place_key(owner, key);

	if (place_unset(&p))
		decode_error(d, &p, "missing");
}

static void validate_owners(struct decoder *d, const struct place *list)
{
	size_t index = 0, controllers = 0;

	if (list->v == NULL || list->v->type != VALUE_LIST)
		return;
	for (const struct value *v = list->v->first; v != NULL; v = v->next) {
		struct place owner = place_item(list, index++, v), controller = place_key(&owner, "controller");
		struct place version = place_key(&owner, "apiVersion"), kind = place_key(&owner, "kind");
		owner_needs(d, &owner, "apiVersion");
		owner_needs(d, &owner, "kind");
		owner_needs(d, &owner, "name");
		owner_needs(d, &owner, "uid");
		if (strcmp(place_text(&version), "v1") == 0 && strcmp(place_text(&kind), "Event") == 0)
			decode_error(d, &owner, "an Event cannot be an owner");
		controllers += controller.v != NULL && controller.v->type == VALUE_BOOL && controller.v->boolean;
	}
	if (controllers > 1)
		decode_error(d, list, "more than one owner is the controller");
}

static void validate_finalizers(struct decoder *d, const struct place *list)
{
	bool orphan = false, foreground = false;
	size_t index = 0;

	if (list->v == NULL || list->v->type != VALUE_LIST)
		return;
	for (const struct value *v = list->v->first; v != NULL; v = v->next) {
		struct place item = place_item(list, index++, v);
		validate_label_key(d, &item);
		orphan = orphan || strcmp(v->text, "orphan") == 0;
		foreground = foreground || strcmp(v->text, "foregroundDeletion") == 0;
	}
	if (orphan && foreground)
		decode_error(d, list, "orphan and foregroundDeletion exclude each other");
}

static void validate_managed(struct decoder *d, const struct place *list)
{
	size_t index = 0;

	if (list->v == NULL || list->v->type != VALUE_LIST)
		return;
	for (const struct value *v = list->v->first; v != NULL; v = v->next) {
		struct place item = place_item(list, index++, v), operation = place_key(&item, "operation");
		struct place type = place_key(&item, "fieldsType");
		const char *text = place_text(&operation);
		if (strcmp(text, "Apply") != 0 && strcmp(text, "Update") != 0)
			decode_error(d, &operation, "\"%.40s\" is none of Apply, Update", text);
		if (!place_unset(&type) && strcmp(place_text(&type), "FieldsV1") != 0)
			decode_error(d, &type, "\"%.40s\" is not FieldsV1", place_text(&type));
	}
}

void validate_meta(struct decoder *d, const struct place *root)
{
	struct place metadata = place_key(root, "metadata");
	struct place labels = place_key(&metadata, "labels"), annotations = place_key(&metadata, "annotations");
	struct place generation = place_key(&metadata, "generation");
	struct place owners = place_key(&metadata, "ownerReferences"), finalizers = place_key(&metadata, "finalizers");
	struct place managed = place_key(&metadata, "managedFields");

	validate_labels(d, &labels);
	validate_annotations(d, &annotations);
	field_integer(d, &generation, 0, INT64_MAX, 0);
	validate_owners(d, &owners);
	validate_finalizers(d, &finalizers);
	validate_managed(d, &managed);
}
