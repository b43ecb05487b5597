/*
 * YAML (and so JSON) text to value trees: the only file that knows libyaml. One document of a file at a time, as
 * yaml_next_document cuts it. Main thread.
 */
#ifndef WATCH_MANIFEST_YAML_H
#define WATCH_MANIFEST_YAML_H

#include "watch/decode/value.h"
#include "watch/manifest/yaml_text.h"

/*
 * Values of one document; keys count once there are many that differ. One for so many bytes of its text, but at least
 * and at most so many. The largest object of an API server (1.5 MB) has less than the least.
 */
#define YAML_BYTES_PER_VALUE 15
#define YAML_VALUES_MIN 200000
#define YAML_VALUES_MAX 1000000

#define YAML_DIRECTIVES_MAX 100

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
