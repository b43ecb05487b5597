/* Ranges with two bands. */
#include "watch/lab/range.h"

#include <string.h>

static uint32_t clamp(uint32_t x, uint32_t least, uint32_t most)
{
	return x < least ? least : x > most ? most : x;
}

/* calculateRangeOffset of ipallocator and portallocator: `step` parts, at least 16, none of a range below that. */
static uint32_t lower_band(uint32_t size, uint32_t step, uint32_t most)
{
	return size < 16 ? 0 : clamp(size / step, 16, most);
}

static uint32_t cidr_size(const struct cidr *c)
{
	const unsigned bits = (unsigned)addr_bytes(&c->addr) * 8 - c->prefix;

	return bits >= 20 ? RANGE_ADDRESSES_MAX : UINT32_C(1) << bits;
}

struct range range_services(const struct cidr *c)
{
	const uint32_t size = cidr_size(c), apart = c->addr.family == AF_INET ? 2 : 1;
	struct range r = {.base = c->addr, .first = 1, .count = size > apart ? size - apart : 0};

	/* place p is offset p + 1 */
	const uint32_t lower = lower_band(size, 16, 256);
	r.lower = lower > 0 && lower - 1 < r.count ? lower - 1 : 0;
	return r;
}

struct range range_pool(const struct cidr *c)
{
	return (struct range){.base = c->addr, .count = cidr_size(c)};
}

struct range range_ports(uint16_t first, uint16_t last)
{
	const uint32_t size = (uint32_t)last - first + 1;

	return (struct range){.first = first, .count = size, .lower = lower_band(size, 32, 128)};
}

uint32_t range_find(const struct range *r, const struct addr *a)
{
	const size_t n = addr_bytes(a);
	uint64_t offset = 0;
	int64_t borrow = 0;

	if (a->family != r->base.family)
		return UINT32_MAX;
	for (size_t i = n; i-- > 0;) {
		const int64_t digit = (int64_t)a->bytes[i] - r->base.bytes[i] - borrow;
		borrow = digit < 0;
		if (n - i <= 4)
			offset |= (uint64_t)(digit & 0xff) << (8 * (n - 1 - i));
		else if ((digit & 0xff) != 0)
			return UINT32_MAX;
	}
	if (borrow != 0 || offset < r->first || offset - r->first >= r->count)
		return UINT32_MAX;
	return (uint32_t)(offset - r->first);
}

struct addr range_address(const struct range *r, uint32_t place)
{
	struct addr a = r->base;
	uint32_t carry = place + r->first;

	for (size_t i = addr_bytes(&a); i-- > 0 && carry != 0;) {
		carry += a.bytes[i];
		a.bytes[i] = (uint8_t)carry;
		carry >>= 8;
	}
	return a;
}

static uint32_t band_pick(uint32_t first, uint32_t count, uint64_t hash, bool (*is_free)(void *ctx, uint32_t place),
			  void *ctx)
{
	const uint32_t start = count != 0 ? (uint32_t)(hash % count) : 0;

	for (uint32_t i = 0; i < count; i++) {
		const uint32_t place = first + (start + i) % count;
		if (is_free(ctx, place))
			return place;
	}
	return UINT32_MAX;
}

uint32_t range_pick(const struct range *r, uint64_t hash, bool (*is_free)(void *ctx, uint32_t place), void *ctx)
{
	const uint32_t place = band_pick(r->lower, r->count - r->lower, hash, is_free, ctx);

	return place != UINT32_MAX ? place : band_pick(0, r->lower, hash, is_free, ctx);
}
