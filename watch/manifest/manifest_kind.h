/* What kind an unreadable document has, as far as its text shows it. */
#ifndef WATCH_MANIFEST_MANIFEST_KIND_H
#define WATCH_MANIFEST_MANIFEST_KIND_H

#include "watch/manifest/yaml_text.h"

/*
 * The text has one line `kind: WORD` that is not indented, and WORD is no kind of ours and no list. Two such lines (a
 * lost separator) or none (JSON, the item of a list) show nothing.
 */
bool text_shows_foreign_kind(const struct yaml_chunk *chunk);

#endif
