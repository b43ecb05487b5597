/*
 * YAML (and so JSON) text to value trees: the only file that knows libfyaml. One document at a time: yaml_next_document
 * cuts a file into documents without parsing, yaml_parse reads one. Main thread.
 */
#ifndef WATCH_YAML_H
#define WATCH_YAML_H

#include "watch/value.h"

/* What aliases may add to one document, in values: stops expansion bombs. */
#define YAML_ALIAS_VALUES_MAX 100000

struct yaml_chunk {
	const char *text;
	size_t length_bytes;
	uint32_t line; /* of the first byte, from 1 */
};

/*
 * The next document of a text that is cut on document markers: a line that starts with "---" or "..." followed by
 * blank or end (YAML 1.2, 9.1.2: such a line is a marker wherever it stands, also in block scalars and quotes).
 * *at and *line: 0 and 1 at first. False at the end. Chunks hold all bytes; some may hold only comments.
 */
bool yaml_next_document(const char *text, size_t length_bytes, size_t *at, uint32_t *line, struct yaml_chunk *chunk);

struct yaml_error {
	uint32_t line;
	char reason[160];
};

struct yaml_parser;

struct yaml_parser *yaml_parser_new(void);
void yaml_parser_free(struct yaml_parser *p);
/*
 * Reads one document into the arena. True with *out the tree, NULL when the document is empty. False: *error says
 * what and where. The tree does not point into the chunk.
 */
bool yaml_parse(struct yaml_parser *p, const struct yaml_chunk *chunk, struct arena *arena, const struct value **out,
		struct yaml_error *error);

#endif
