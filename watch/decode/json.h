/*
 * JSON text of an API server to a value tree: the only file that knows cJSON. No line numbers (files of JSON go through
 * watch/manifest/yaml.h, which has them). Main thread.
 */
#ifndef WATCH_DECODE_JSON_H
#define WATCH_DECODE_JSON_H

#include "watch/decode/value.h"

/*
 * Reads one JSON value; the tree lives in the arena and does not point into the text. NULL: malformed, nested too
 * deep, or followed by something else; *error_at is then the offset of the first byte that does not fit.
 */
const struct value *json_parse(const char *text, size_t length_bytes, struct arena *arena, size_t *error_at);

#endif
