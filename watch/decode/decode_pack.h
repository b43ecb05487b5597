/*
 * Objects as flat bytes and back: one description of every kind's fields serves three ends. The decoder packs what it
 * read and unpacks it into one arena of exactly the right size; the digest of an object is the hash of these bytes;
 * the checkpoint file stores them. The caller owns struct pack and reuses it. Main thread.
 *
 * Form: u32 arena bytes, u32 bytes of fields (both of the host's byte order, the file never travels), the fields as
 * LEB128 integers, raw addresses and offsets of strings, then the strings with their NULs.
 */
#ifndef WATCH_DECODE_DECODE_PACK_H
#define WATCH_DECODE_DECODE_PACK_H

#include "watch/decode/pack.h"
#include "watch/object.h"

/*
 * A number for the form: a hash of the names and kinds of all fields in their order. Another one: bytes of the other
 * form cannot be read. A field whose meaning changes gets another name.
 */
uint32_t pack_form(void);
void pack_fini(struct pack *p);
/* Replaces p->bytes by the object's. trigger_ms of a slice is left out: it is no content. */
void pack_object(struct pack *p, const struct object *o);
uint64_t pack_digest(const struct pack *p); /* of the object that is in there */
/* A copy of an object in memory of its own, by way of p. */
struct object *pack_copy(struct pack *p, const struct object *o);
/* A new object with its digest; NULL when the bytes are not what pack_object makes. Safe on any bytes. */
struct object *pack_read(const void *bytes, size_t length_bytes);

#endif
