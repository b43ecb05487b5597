/*
 * Text from outside, made fit to print. Names, reasons, messages and file names in a log, on a terminal, in JSON or on
 * a metrics page must neither forge lines nor drive the terminal. Any thread.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TEXT_ESCAPED_BYTES_MAX 10 /* one character: "\u{10ffff}" */
#define TEXT_INVALID UINT32_MAX

/*
 * The character at `text`, `length` > 0 bytes long: its code point, and how many bytes it takes in *bytes. TEXT_INVALID
 * and 1 where the bytes are not UTF-8 (RFC 3629: no overlong forms, no surrogates).
 */
uint32_t text_character(const char *text, size_t length, size_t *bytes);
/* False for control characters (C0, DEL, C1), line and paragraph separators, bidirectional controls, TEXT_INVALID. */
bool text_is_printable(uint32_t character);

/*
 * Writes `text` with everything that is not printable as "\n", "\t", "\r", "\x1b" (a byte) or "\u{202e}", and a NUL;
 * cut at a whole character where it does not fit. Returns the length.
 */
size_t text_escape(char *to, size_t room, const char *text, size_t length);

/* Orders what has a namespace and a name: by namespace, then name. */
int text_compare_names(const char *ns, const char *name, const char *other_ns, const char *other_name);

/*
 * How many letters must be typed, left out, exchanged or swapped with the next to make b of a (the optimal string
 * alignment distance). most + 1 when it is more than that, or a text is longer than 64 bytes.
 */
size_t text_distance(const char *a, const char *b, size_t most);

#endif
