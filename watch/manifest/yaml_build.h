/*
 * Builds the value tree of one YAML document from a parser's events: keys, anchors and aliases, merge keys, and the
 * bounds on all of them. The first error sticks. Main thread.
 */
#ifndef WATCH_MANIFEST_YAML_BUILD_H
#define WATCH_MANIFEST_YAML_BUILD_H

#include "base/map.h"
#include "watch/decode/value.h"
#include "watch/manifest/yaml_text.h"

/* What aliases may add to one document, in values: stops expansion bombs. */
#define YAML_ALIAS_VALUES_MAX 100000

struct anchor {
	const struct value *value; /* NULL while its collection is open: an alias to it would be a loop */
	size_t size;		   /* values, what its own aliases stand for included */
};

struct open_collection {
	struct value *value, *last; /* its last child */
	const char *key;	    /* maps: waits for its value */
	bool merge;		    /* that key is << */
	struct anchor *anchor;
	size_t before; /* values and alias_values when it was opened */
	bool merges;   /* maps: has a key << */
};

struct yaml_builder {	     /* set the first three, all else zero; build_end in any case */
	struct arena *arena; /* of the tree */
	struct yaml_error *error;
	size_t values_max;
	struct value *root; /* NULL: no document yet */
	struct map anchors; /* by name: a later anchor of the same name hides the earlier */
	struct map keys;    /* texts of keys */
	size_t values, alias_values;
	size_t depth;
	struct open_collection open[VALUE_DEPTH_MAX];
};

struct yaml_scalar {
	const char *text; /* ends with NUL */
	size_t length_bytes;
	const char *tag, *anchor; /* NULL = none */
	bool plain;		  /* neither quoted nor tagged */
};

/* All: false after an error. */
bool build_fail(struct yaml_builder *b, uint32_t line, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
bool build_scalar(struct yaml_builder *b, uint32_t line, const struct yaml_scalar *s);
bool build_alias(struct yaml_builder *b, uint32_t line, const char *name);
bool build_open(struct yaml_builder *b, uint32_t line, enum value_type type, const char *anchor);
bool build_close(struct yaml_builder *b);
void build_end(struct yaml_builder *b);

#endif
