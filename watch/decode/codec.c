/* Primitives that pack, unpack and list an object's fields. */
#include "watch/decode/codec.h"

#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>

size_t codec_aligned(size_t bytes)
{
	return (bytes + 15) & ~(size_t)15;
}

void codec_write_integer(struct codec *c, uint64_t x)
{
	uint8_t bytes[10];
	size_t n = 0;

	for (; x >= 0x80; x >>= 7)
		bytes[n++] = (uint8_t)(x | 0x80);
	bytes[n++] = (uint8_t)x;
	buf_add(&c->pack->bytes, bytes, n);
}

uint64_t codec_read_integer(struct codec *c, uint64_t max)
{
	uint64_t x = 0;

	for (unsigned shift = 0; shift < 63 && !c->bad; shift += 7) {
		if (c->at == c->end)
			break;
		uint8_t byte = *c->at++;
		x |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80 && x <= max)
			return x;
		if (byte < 0x80)
			break;
	}
	c->bad = true;
	return 0;
}

void codec_list(struct codec *c, const char *name, const char *kind, uint64_t max)
{
	buf_printf(c->form, "%s %s %" PRIu64 ";", name, kind, max);
}

uint64_t codec_integer(struct codec *c, uint64_t x, uint64_t max)
{
	if (!c->packing)
		return codec_read_integer(c, max);
	codec_write_integer(c, x);
	return x;
}

static size_t recent_find(const struct codec *c, const char *s, size_t bytes)
{
	for (unsigned i = 0; i < RECENT_STRINGS; i++)
		if (c->recent[i] != 0 && c->recent[i] - 1 + bytes <= c->pack->strings.length_bytes &&
		    memcmp(c->pack->strings.data + c->recent[i] - 1, s, bytes) == 0)
			return c->recent[i];
	return 0;
}

static void write_string(struct codec *c, const char *s)
{
	size_t bytes = s != NULL ? strlen(s) + 1 : 0;
	size_t ref = s != NULL ? recent_find(c, s, bytes) : 0;

	if (s != NULL && ref == 0) {
		ref = c->pack->strings.length_bytes + 1;
		buf_add(&c->pack->strings, s, bytes);
		c->recent[c->recent_at++ % RECENT_STRINGS] = ref;
	}
	codec_write_integer(c, ref);
}

void codec_string(struct codec *c, const char **s, bool may_be_null)
{
	if (c->packing) {
		write_string(c, *s);
		return;
	}
	size_t ref = (size_t)codec_read_integer(c, c->strings_bytes);
	if (ref == 0 && !may_be_null)
		c->bad = true;
	*s = ref != 0 ? c->strings + ref - 1 : may_be_null ? NULL : "";
}

void codec_addr(struct codec *c, struct addr *a)
{
	unsigned short family = a->family;
	size_t n;

	CODEC_INTEGER(c, unsigned short, family, UINT8_MAX);
	n = family == AF_INET ? 4 : family == AF_INET6 ? 16 : 0;
	if (c->packing) {
		if (n != 0)
			buf_add(&c->pack->bytes, a->bytes, n);
		return;
	}
	*a = (struct addr){0};
	if ((family != 0 && n == 0) || (size_t)(c->end - c->at) < n) {
		c->bad = true;
		return;
	}
	a->family = (uint8_t)family;
	memcpy(a->bytes, c->at, n);
	c->at += n;
}

void codec_cidr(struct codec *c, struct cidr *r)
{
	CODEC_FIELD(c, r->addr, codec_addr);
	CODEC_INTEGER(c, uint8_t, r->prefix, addr_bytes(&r->addr) * 8);
}

/* Every element takes at least one byte, so a count beyond what is left is a lie. */
void *codec_array_new(struct codec *c, size_t *count, size_t item_bytes)
{
	*count = (size_t)codec_read_integer(c, (uint64_t)(c->end - c->at));
	return *count != 0 ? arena_array(c->arena, *count, item_bytes) : NULL;
}

void *codec_array_old(struct codec *c, const void *items, size_t count, size_t item_bytes)
{
	codec_write_integer(c, count);
	c->arena_bytes += codec_aligned(count * item_bytes);
	return (void *)(uintptr_t)items;
}

void codec_text(struct codec *c, const char **s)
{
	CODEC_STRING(c, *s, false);
}
