/*
 * YAML as text, before it is parsed: documents of a file, and what no parser should see. Pure functions; the text may
 * be hostile.
 */
#ifndef WATCH_MANIFEST_YAML_TEXT_H
#define WATCH_MANIFEST_YAML_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct yaml_chunk {
	const char *text; /* borrowed */
	size_t length_bytes;
	uint32_t line; /* of the first byte, from 1 */
};

struct yaml_error {
	uint32_t line;
	char reason[160];
};

/*
 * The next document of a text that is cut on document markers: a line that starts with "---" or "..." followed by
 * blank or end (YAML 1.2, 9.1.2: such a line is a marker wherever it stands, also in block scalars and quotes).
 * *at and *line: 0 and 1 at first. False at the end. Chunks hold all bytes; some may hold only comments.
 */
bool yaml_next_document(const char *text, size_t length_bytes, size_t *at, uint32_t *line, struct yaml_chunk *chunk);

/* False, and *error says what and where: not UTF-8, control characters, a directive other than %YAML. */
bool yaml_text_check(const struct yaml_chunk *chunk, struct yaml_error *error);

#endif
