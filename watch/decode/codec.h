/*
 * Inside of decode_pack.c: the primitives of a walk over an object's fields, in either direction. Packing reads the
 * object and writes bytes, unpacking reads bytes and fills the object. The first malformed byte makes `bad` stick; then
 * every integer reads as 0. Main thread.
 */
#ifndef WATCH_DECODE_CODEC_H
#define WATCH_DECODE_CODEC_H

#include "base/addr.h"
#include "base/mem.h"
#include "watch/decode/pack.h"

#define RECENT_STRINGS 8

struct codec {
	bool packing, bad;
	/* packing */
	struct pack *pack;
	size_t arena_bytes;
	size_t recent[RECENT_STRINGS]; /* offset + 1 of strings just written: node names and zones repeat */
	unsigned recent_at;
	/* unpacking */
	const uint8_t *at, *end;
	const char *strings;
	size_t strings_bytes;
	struct arena *arena;
};

/* As an arena rounds up. */
size_t codec_aligned(size_t bytes);
void codec_write_integer(struct codec *c, uint64_t x);
uint64_t codec_read_integer(struct codec *c, uint64_t max);
/* Writes x or returns what was read, at most max. */
uint64_t codec_integer(struct codec *c, uint64_t x, uint64_t max);
void codec_string(struct codec *c, const char **s, bool may_be_null);
void codec_text(struct codec *c, const char **s); /* never NULL */
void codec_addr(struct codec *c, struct addr *a);
void codec_cidr(struct codec *c, struct cidr *r);
void *codec_array_new(struct codec *c, size_t *count, size_t item_bytes);
void *codec_array_old(struct codec *c, const void *items, size_t count, size_t item_bytes);

/* Packing never writes to the object: it may be anyone's constant. */
#define CODEC_INTEGER(c, type, field, max)                                  \
	do {                                                                \
		uint64_t x_ = codec_integer((c), (uint64_t)(field), (max)); \
		if (!(c)->packing)                                          \
			(field) = (type)x_;                                 \
	} while (0)
#define CODEC_BOOLEAN(c, field)                               \
	do {                                                  \
		uint64_t x_ = codec_integer((c), (field), 1); \
		if (!(c)->packing)                            \
			(field) = x_ != 0;                    \
	} while (0)

#define CODEC_ARRAY(c, type, items, count, walk)                                                 \
	do {                                                                                     \
		type *all_ = (c)->packing ? codec_array_old((c), (items), (count), sizeof(type)) \
					  : codec_array_new((c), &(count), sizeof(type));        \
		if (!(c)->packing)                                                               \
			(items) = all_;                                                          \
		for (size_t i_ = 0; i_ < (count) && !(c)->bad; i_++)                             \
			walk((c), &all_[i_]);                                                    \
	} while (0)

#endif
