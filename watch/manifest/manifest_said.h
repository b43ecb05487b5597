/*
 * What a document said, kept to be said again: one thread parses, another one hears it. Each belongs to one thread at a
 * time.
 */
#ifndef WATCH_MANIFEST_MANIFEST_SAID_H
#define WATCH_MANIFEST_MANIFEST_SAID_H

#include "watch/manifest/manifest_parser.h"

struct said;

/* Reads a document and keeps what it says; NULL: nothing. */
struct said *said_read(struct manifest_parser *p, const struct yaml_chunk *chunk, bool item);
/* Says all of it, in its order, and frees it. NULL is fine. */
void said_tell(struct said *said, const struct document_sink *sink);
/* Frees it, and its objects. NULL is fine. */
void said_free(struct said *said);

#endif
