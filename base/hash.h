/*
 * A fast hash of bytes (XXH3), the same on every machine and in every run: for maps, digests and tables that nodes
 * must compute alike. Not against hostile keys of one's own choosing. Any thread.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* Chained calls hash a sequence: the last result is the next seed. */
uint64_t hash_bytes(const void *bytes, size_t length_bytes, uint64_t seed);
uint64_t hash_text(const char *text, uint64_t seed); /* with its NUL, so that sequences cannot be cut differently */

#endif
