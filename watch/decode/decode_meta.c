/* Who an object is, and its labels. */
#include "watch/decode/decode_field.h"

/* Values of labels and annotations are strings; anything else kubectl refuses too. */
static const struct value *string_map(struct decoder *d, const struct place *metadata, const char *key)
{
	struct place map = place_key(metadata, key);

	if (!field_map(d, &map))
		return NULL;
	for (const struct value *v = map.v->first; v != NULL && !d->typed; v = v->next) {
		struct place entry = {.up = &map, .key = v->key, .v = v};
		if (v->type != VALUE_STRING && v->type != VALUE_NULL)
			decode_error(d, &entry, "a string is expected, not a %s: put it in quotes", value_type_name(v));
	}
	return map.v;
}

static const char *name_missing(const struct place *metadata)
{
	struct place generated = place_key(metadata, "generateName");

	return place_absent(&generated) ? "missing" : "missing: no name is made of generateName here";
}

bool decode_identity(struct decoder *d, const struct place *root, bool namespaced, bool (*name_ok)(const char *s))
{
	struct place metadata = place_key(root, "metadata");
	struct place name = place_key(&metadata, "name"), ns = place_key(&metadata, "namespace");
	const char *text;

	if (!field_map(d, &metadata) || (text = field_string(d, &name)) == NULL || text[0] == '\0') {
		decode_refuse(d, place_absent(&metadata) ? &metadata : &name, "%s", name_missing(&metadata));
		return false;
	}
	d->name = text;
	if (namespaced) {
		text = field_string(d, &ns);
		d->ns = text != NULL && text[0] != '\0' ? text : "default";
		if (!name_is_label(d->ns))
			decode_refuse(d, &ns, "\"%.80s\" is not a DNS label (a-z, 0-9, -)", d->ns);
	}
	if (!name_ok(d->name))
		decode_refuse(d, &name, "\"%.80s\" is not a DNS %s", d->name,
			      name_ok == name_is_label ? "label (a-z, 0-9, -)" : "name (a-z, 0-9, -, .)");
	return !d->refused || !d->lenient;
}

void decode_labels(struct decoder *d, const struct place *root)
{
	struct place metadata = place_key(root, "metadata");

	d->labels = string_map(d, &metadata, "labels");
	d->annotations = string_map(d, &metadata, "annotations");
}
