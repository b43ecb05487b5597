/* Hashes bytes with XXH3, with and without a key of this process. */
#include "base/hash.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

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

/* Without random numbers, which a running kernel always has, the clock is better than nothing. */
static uint64_t seed_make(void)
{
	struct timespec now;
	uint64_t seed = 0;

	if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) != (ssize_t)sizeof seed) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		seed = (uint64_t)now.tv_sec * 1000000007U + (uint64_t)now.tv_nsec;
	}
	return seed | 1; /* 0: not made yet */
}

static uint64_t process_seed(void)
{
	static _Atomic uint64_t seed;
	uint64_t mine = atomic_load_explicit(&seed, memory_order_relaxed), none = 0;

	if (mine != 0)
		return mine;
	mine = seed_make();
	return atomic_compare_exchange_strong(&seed, &none, mine) ? mine : none; /* another thread was first */
}

uint64_t hash_key(const void *bytes, size_t length_bytes)
{
	return hash_bytes(bytes, length_bytes, process_seed());
}
