/*
 * The type of a YAML scalar, as sigs.k8s.io/yaml (kubectl, client-go) resolves it: YAML 1.1 with go-yaml v2's rules.
 * Pure functions.
 */
#ifndef WATCH_MANIFEST_YAML_SCALAR_H
#define WATCH_MANIFEST_YAML_SCALAR_H

#include "watch/decode/value.h"

/*
 * Sets the type, and the boolean or integer, of v, whose text is set. tag: the full tag, NULL = none. plain: written
 * without quotes and without a tag. Returns NULL, or what is wrong, as words behind the text.
 */
const char *yaml_scalar_resolve(struct value *v, const char *tag, bool plain);
/* The text that a scalar has as a map's key, as sigs.k8s.io/yaml prints it; NULL: null is no key. */
const char *yaml_key_text(const struct value *v, struct arena *arena);

#endif
