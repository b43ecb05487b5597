/* JSON as text, before it is parsed. Pure functions; the text may be hostile. */
#ifndef WATCH_MANIFEST_JSON_TEXT_H
#define WATCH_MANIFEST_JSON_TEXT_H

#include "watch/manifest/yaml_text.h"

/*
 * The JSON object at the start of a text, which blanks and a "---" line may precede: *object is its bytes, *after the
 * offset behind it, *values about how many values it has. False: no object, or none that ends. Only brackets and
 * strings are looked at.
 */
bool json_next_object(const struct yaml_chunk *text, struct yaml_chunk *object, size_t *after, size_t *values);

/*
 * What Go's encoding/json takes and cJSON does not care for: no other blanks than four, no control characters in
 * texts, no leading zeros, no digits missing around a point. kubectl reads what fails here as YAML, where 010 is 8.
 */
bool json_is_strict(const char *text, size_t length_bytes);

#endif
