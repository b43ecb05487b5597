/* SipHash-2-4. */
#include "dns/wire/siphash.h"

struct state {
	uint64_t a, b, c, d;
};

static uint64_t little64(const uint8_t *p, size_t bytes)
{
	uint64_t v = 0;

	for (size_t i = 0; i < bytes; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

static uint64_t rotate(uint64_t v, unsigned bits)
{
	return v << bits | v >> (64 - bits);
}

static void rounds(struct state *s, unsigned count)
{
	while (count-- > 0) {
		s->a += s->b;
		s->b = rotate(s->b, 13) ^ s->a;
		s->a = rotate(s->a, 32);
		s->c += s->d;
		s->d = rotate(s->d, 16) ^ s->c;
		s->a += s->d;
		s->d = rotate(s->d, 21) ^ s->a;
		s->c += s->b;
		s->b = rotate(s->b, 17) ^ s->c;
		s->c = rotate(s->c, 32);
	}
}

static void absorb(struct state *s, uint64_t word)
{
	s->d ^= word;
	rounds(s, 2);
	s->a ^= word;
}

uint64_t siphash24(const uint8_t key[SIPHASH_KEY_BYTES], const uint8_t *bytes, size_t length)
{
	uint64_t k0 = little64(key, 8), k1 = little64(key + 8, 8);
	struct state s = {k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261,
			  k1 ^ 0x7465646279746573};
	size_t left = length;

	for (; left >= 8; left -= 8, bytes += 8)
		absorb(&s, little64(bytes, 8));
	absorb(&s, little64(bytes, left) | (uint64_t)length << 56);
	s.c ^= 0xff;
	rounds(&s, 4);
	return s.a ^ s.b ^ s.c ^ s.d;
}
