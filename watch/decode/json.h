/*
 * JSON text to a value tree: the only file that knows cJSON. Manifests come through watch/manifest/yaml.h. Main thread.
 */
#ifndef WATCH_DECODE_JSON_H
#define WATCH_DECODE_JSON_H

#include "watch/decode/value.h"

/*
 * Reads one JSON value; the tree lives in the arena and does not point into the text. NULL: malformed, nested too
 * deep, or followed by something else; *error_at is then the offset of the first byte that does not fit.
 */
const struct value *json_parse(const char *text, size_t length_bytes, struct arena *arena, size_t *error_at);
/* The same with line numbers, from that of the first byte on. */
const struct value *json_parse_lines(const char *text, size_t length_bytes, uint32_t line, struct arena *arena);

#endif
