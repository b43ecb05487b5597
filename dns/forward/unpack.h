/*
 * Names inside a message that another server wrote: compressed, possibly hostile. Reading follows pointers only
 * backwards, so it ends; packing writes names with pointers to names that were written before. Pure, any thread.
 */
#ifndef DNS_FORWARD_UNPACK_H
#define DNS_FORWARD_UNPACK_H

#include "dns/wire/name.h"
#include "dns/wire/wire.h"

#define PACKER_NAMES 48
#define PACKER_TEXT_BYTES 2048

/*
 * Names in the message under construction that pointers may lead to. All zero = empty; a copy of the first two fields
 * is a mark to go back to.
 */
struct packer {
	unsigned count, text_bytes;
	struct packed {
		uint16_t at; /* offset of a label */
		uint16_t text_at;
		uint8_t length; /* of the name from there on */
	} known[PACKER_NAMES];
	uint8_t text[PACKER_TEXT_BYTES]; /* in lower case */
};

/* A name to compare with others: in lower case, uncompressed. */
struct name_key {
	uint8_t length;
	uint8_t wire[NAME_BYTES];
};

/*
 * Reads the name at *at of the message, case kept, and moves *at behind it. Returns its length in `wire`, which never
 * passes NAME_BYTES; 0: cut off, too long, or a pointer that does not lead backwards, or to another, and so on.
 */
size_t unpack_name(uint8_t wire[NAME_BYTES], const uint8_t *message, size_t message_bytes, size_t *at);

/* Writes an uncompressed name, compressed as far as p knows its end; remembers it for later names. */
void pack_name(struct packer *p, struct writer *w, const uint8_t *wire, size_t length);
/* The same without compression (RFC 3597 4: types that are younger than RFC 1035). */
void pack_plain(struct packer *p, struct writer *w, const uint8_t *wire, size_t length);
/* Notes a name that stands uncompressed at `at`, e.g. the question's. */
void pack_note(struct packer *p, const uint8_t *message, size_t at);

void name_key(struct name_key *key, const uint8_t *wire, size_t length);
bool name_keys_equal(const struct name_key *a, const struct name_key *b);
/* True when `name` is `above` or stands below it. */
bool name_key_is_below(const struct name_key *name, const struct name_key *above);

#endif
