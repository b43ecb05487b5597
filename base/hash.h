/*
 * A fast hash of bytes (XXH3). hash_bytes and hash_text are the same on every machine and in every run: for digests and
 * tables that nodes must compute alike (Maglev). hash_key is for hash tables, whose keys others choose: another one in
 * every process, so that no list of names that collide can be made beforehand. Any thread.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* Chained calls hash a sequence: the last result is the next seed. */
uint64_t hash_bytes(const void *bytes, size_t length_bytes, uint64_t seed);
/* The place of a key in a hash table of this process. */
uint64_t hash_key(const void *bytes, size_t length_bytes);
uint64_t hash_text(const char *text, uint64_t seed); /* with its NUL, so that sequences cannot be cut differently */

#endif
