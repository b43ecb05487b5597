/*
 * Inside of decode_pack.c: the primitives of a walk over an object's fields, in either direction. Packing reads the
 * object and writes bytes, unpacking reads bytes and fills the object. The first malformed byte makes `bad` stick; then
 * every integer reads as 0. A third walk, over an object of zeros, lists the fields: the name and the kind of each.
 * Main thread.
 */
#ifndef WATCH_DECODE_CODEC_H
#define WATCH_DECODE_CODEC_H

#include "base/addr.h"
#include "base/mem.h"
#include "watch/decode/pack.h"

#define RECENT_STRINGS 8

struct codec {
	bool packing, bad;
	struct buf *form; /* where fields are listed, with `packing`; else NULL */
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
/* One field of the list: "name kind;". */
void codec_list(struct codec *c, const char *name, const char *kind, uint64_t max);
/* Writes x or returns what was read, at most max. */
uint64_t codec_integer(struct codec *c, uint64_t x, uint64_t max);
void codec_string(struct codec *c, const char **s, bool may_be_null);
void codec_text(struct codec *c, const char **s); /* never NULL */
void codec_addr(struct codec *c, struct addr *a);
void codec_cidr(struct codec *c, struct cidr *r);
void *codec_array_new(struct codec *c, size_t *count, size_t item_bytes);
void *codec_array_old(struct codec *c, const void *items, size_t count, size_t item_bytes);

/* Packing never writes to the object: it may be anyone's constant. */
#define CODEC_INTEGER(c, type, field, max)                                          \
	do {                                                                        \
		if ((c)->form != NULL) {                                            \
			codec_list((c), #field, #type, (max));                      \
		} else {                                                            \
			uint64_t x_ = codec_integer((c), (uint64_t)(field), (max)); \
			if (!(c)->packing)                                          \
				(field) = (type)x_;                                 \
		}                                                                   \
	} while (0)
#define CODEC_BOOLEAN(c, field) CODEC_INTEGER(c, bool, field, 1)
#define CODEC_STRING(c, field, may_be_null)                                         \
	do {                                                                        \
		if ((c)->form != NULL)                                              \
			codec_list((c), #field, "string", (uint64_t)(may_be_null)); \
		else                                                                \
			codec_string((c), &(field), (may_be_null));                 \
	} while (0)
/* Any other field, which `walk` packs and unpacks. */
#define CODEC_FIELD(c, field, walk)                        \
	do {                                               \
		if ((c)->form != NULL)                     \
			codec_list((c), #field, #walk, 0); \
		walk((c), &(field));                       \
	} while (0)

#define CODEC_ARRAY(c, type, items, count, walk)                                                 \
	do {                                                                                     \
		if ((c)->form != NULL) {                                                         \
			type one_ = {0};                                                         \
			CODEC_FIELD(c, one_, walk);                                              \
			codec_list((c), #items, #type, 0);                                       \
			break;                                                                   \
		}                                                                                \
		type *all_ = (c)->packing ? codec_array_old((c), (items), (count), sizeof(type)) \
					  : codec_array_new((c), &(count), sizeof(type));        \
		if (!(c)->packing)                                                               \
			(items) = all_;                                                          \
		for (size_t i_ = 0; i_ < (count) && !(c)->bad; i_++)                             \
			walk((c), &all_[i_]);                                                    \
	} while (0)
/* What a pointer leads to that may be NULL. */
#define CODEC_OPTIONAL(c, type, pointer, walk)                   \
	do {                                                     \
		size_t there_ = (pointer) != NULL;               \
		CODEC_ARRAY((c), type, (pointer), there_, walk); \
		if (there_ > 1)                                  \
			(c)->bad = true;                         \
	} while (0)
/* Of an array inside the struct, with room for `most`. */
#define CODEC_FEW(c, items, count, most, walk)                               \
	do {                                                                 \
		CODEC_INTEGER(c, size_t, count, most);                       \
		if ((c)->form != NULL)                                       \
			CODEC_FIELD(c, (items)[0], walk);                    \
		for (size_t i_ = 0; i_ < (count) && (c)->form == NULL; i_++) \
			walk((c), &(items)[i_]);                             \
	} while (0)

#endif
