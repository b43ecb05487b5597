/*
 * Domain names in wire form. A struct name is a lower-case copy of a name with the place of each label, so that
 * names compare and hash as bytes; the case that a client sent stays in its message. Values, any thread.
 */
#ifndef DNS_WIRE_NAME_H
#define DNS_WIRE_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NAME_BYTES 255 /* with the root label (RFC 1035 2.3.4) */
#define NAME_LABELS 127
#define NAME_LABEL_BYTES 63
#define NAME_TEXT_BYTES 1024 /* every byte escaped, and NUL */

struct name {
	uint8_t wire[NAME_BYTES + 1];	   /* lower case, with the root label */
	uint8_t length;			   /* of wire */
	uint8_t labels;			   /* without the root */
	uint8_t label_at[NAME_LABELS + 1]; /* label_at[labels] is the root's */
};

/*
 * Reads the uncompressed name at *at and moves *at behind it. False: cut off, too long, or compressed (a question
 * has nothing to point at).
 */
bool name_read(struct name *n, const uint8_t *message, size_t message_bytes, size_t *at);

/*
 * Text to wire form with its case kept: "a.b.c" or "a.b.c." (no escapes: Kubernetes names have none); "" and "." are
 * the root. Returns the length, 0 = not a name.
 */
size_t name_encode(uint8_t wire[NAME_BYTES], const char *text);

/* The same as a struct name. */
bool name_parse(struct name *n, const char *text);

/* True when n ends with the whole labels of `suffix`. */
bool name_ends_with(const struct name *n, const struct name *suffix);

/* "a.b.c.", special bytes escaped as in zone files; returns text. */
const char *name_format(const uint8_t *wire, char text[NAME_TEXT_BYTES]);

/* Label i without its length byte. */
static inline const uint8_t *name_label(const struct name *n, unsigned i, unsigned *length)
{
	*length = n->wire[n->label_at[i]];
	return n->wire + n->label_at[i] + 1;
}

/* Orders a label against a text as bytes, the shorter first: labels may hold any byte, NUL too (RFC 2181 11). */
int label_compare(const uint8_t *label, unsigned length, const char *text);
bool name_label_is(const struct name *n, unsigned i, const char *text);

/* Lower-cases ASCII letters only (RFC 4343). Length bytes are below 'A', so whole names may be passed. */
void name_lower(uint8_t *to, const uint8_t *from, size_t length);

#endif
