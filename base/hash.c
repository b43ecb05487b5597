#include "base/hash.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t hash_bytes(const void *bytes, size_t length_bytes, uint64_t seed)
{
	return XXH3_64bits_withSeed(bytes, length_bytes, seed);
}

uint64_t hash_text(const char *text, uint64_t seed)
{
	return hash_bytes(text, strlen(text) + 1, seed);
}
