/* What kind an unreadable document has, as far as its text shows it. */
#ifndef WATCH_MANIFEST_MANIFEST_KIND_H
#define WATCH_MANIFEST_MANIFEST_KIND_H

#include "watch/manifest/yaml_text.h"

/*
 * The text has one key `kind` at its top level, and its value, with `apiVersion` where that is shown too, is neither a
 * kind of ours, nor near one, nor a list. Top level: lines that are not indented, or as deep as the first key of a
 * list's item; in JSON what is in one brace, and then no kind of ours stands deeper either, since what is missing may
 * be a closing brace. Two such keys (a lost separator) or none show nothing.
 */
bool text_shows_unknown_kind(const struct yaml_chunk *chunk, bool item);

#endif
