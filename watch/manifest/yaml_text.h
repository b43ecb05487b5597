/*
 * YAML as text, before it is parsed: the documents of a file. Pure functions; the text may be hostile.
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
	bool rest;     /* of a file with too many documents: not read */
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

/* A line that begins or ends a document; mark is "---" or "...". */
bool yaml_is_marker(const char *line, size_t bytes, const char *mark);
/* Only blanks, comments and markers. */
bool yaml_says_nothing(const char *text, size_t length_bytes);

/* Lines in front of the document that begin with %: libyaml compares each tag handle with each other one. */
size_t yaml_directives(const char *text, size_t length_bytes);

/* YAML 1.1 ends lines at a lone CR, NEL, LS and PS, too; what cuts texts knows LF and CR LF. */
bool yaml_has_odd_breaks(const char *text, size_t length_bytes);

bool text_is_blank(const char *text, size_t length_bytes);

/*
 * The text as UTF-8 without byte order marks, as kubectl reads it: UTF-16 with a mark at its start is converted, UTF-8
 * marks at the start of any line go (files that were joined have them). Takes text, from malloc, and returns it or
 * another in its place. A byte that is not UTF-8 becomes U+FFFD.
 */
char *text_to_utf8(char *text, size_t *length_bytes);

#endif
