/*
 * Names inside a message that another server wrote: compressed, possibly hostile. Reading follows pointers only
 * backwards, so it ends; packing writes names with pointers to names that were written before. Pure, any thread.
 */
#ifndef DNS_FORWARD_UNPACK_H
#define DNS_FORWARD_UNPACK_H

#include "dns/wire/name.h"
#include "dns/wire/wire.h"

#define PACKER_NAMES 48

/* Names in the message under construction that pointers may lead to. All zero = empty. */
struct packer {
	uint16_t at[PACKER_NAMES]; /* offsets of labels */
	unsigned count;
};

/*
 * Reads the name at *at of the message, case kept, and moves *at behind it. Returns its length in `wire`, which never
 * passes NAME_BYTES; 0: cut off, too long, or a pointer that does not lead backwards.
 */
size_t unpack_name(uint8_t wire[NAME_BYTES], const uint8_t *message, size_t message_bytes, size_t *at);

/* Writes an uncompressed name, compressed as far as p knows its end; remembers it for later names. */
void pack_name(struct packer *p, struct writer *w, const uint8_t *wire);
/* The same without compression (RFC 3597 4: types that are younger than RFC 1035). */
void pack_plain(struct packer *p, struct writer *w, const uint8_t *wire, size_t length);
/* Notes a name that stands uncompressed at `at`, e.g. the question's. */
void pack_note(struct packer *p, const uint8_t *message, size_t at);

/* Case-insensitive; both uncompressed. */
bool names_equal(const uint8_t *a, const uint8_t *b);
/* True when `name` is `above` or stands below it; both uncompressed. */
bool name_at_or_below(const uint8_t *name, const uint8_t *above);

#endif
