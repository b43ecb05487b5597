/* Reads and writes compressed names (RFC 1035 4.1.4). */
#include "dns/forward/unpack.h"

#define POINTER_MAX 0x3fff

size_t unpack_name(uint8_t wire[NAME_BYTES], const uint8_t *message, size_t message_bytes, size_t *at)
{
	size_t from = *at, length = 0, lowest = *at;
	bool jumped = false;

	while (from < message_bytes) {
		unsigned label = message[from];
		if (label >= 0xc0) {
			if (from + 2 > message_bytes)
				return 0;
			if (!jumped)
				*at = from + 2;
			jumped = true;
			from = wire_get16(message + from) & POINTER_MAX;
			if (from >= lowest) /* backwards only: no circles */
				return 0;
			lowest = from;
			continue;
		}
		if (label > NAME_LABEL_BYTES || from + 1 + label > message_bytes || length + 1 + label > NAME_BYTES)
			return 0;
		memcpy(wire + length, message + from, label + 1);
		length += label + 1;
		from += label + 1;
		if (label != 0)
			continue;
		if (!jumped)
			*at = from;
		return length;
	}
	return 0;
}

static uint8_t lower(uint8_t c)
{
	return (uint8_t)(c | ((uint8_t)(c - 'A') < 26 ? 0x20 : 0));
}

static bool labels_equal(const uint8_t *a, const uint8_t *b)
{
	if (*a != *b)
		return false;
	for (unsigned i = 1; i <= *a; i++)
		if (lower(a[i]) != lower(b[i]))
			return false;
	return true;
}

bool names_equal(const uint8_t *a, const uint8_t *b)
{
	while (labels_equal(a, b)) {
		if (*a == 0)
			return true;
		a += *a + 1;
		b += *b + 1;
	}
	return false;
}

bool name_at_or_below(const uint8_t *name, const uint8_t *above)
{
	for (;; name += *name + 1) {
		if (names_equal(name, above))
			return true;
		if (*name == 0)
			return false;
	}
}

/* True when the name at `at` of our own message, which may end in pointers, is `wire`. */
static bool written_equals(const uint8_t *message, size_t at, const uint8_t *wire)
{
	for (;;) {
		while (message[at] >= 0xc0)
			at = wire_get16(message + at) & POINTER_MAX;
		if (!labels_equal(message + at, wire))
			return false;
		if (*wire == 0)
			return true;
		at += *wire + 1U;
		wire += *wire + 1;
	}
}

/* Among the first `count`: the name that is being written is no end yet. */
static unsigned known_at(const struct packer *p, unsigned count, const uint8_t *message, const uint8_t *wire)
{
	for (unsigned i = 0; i < count; i++)
		if (written_equals(message, p->at[i], wire))
			return p->at[i];
	return 0;
}

static void remember(struct packer *p, size_t at)
{
	if (p->count < PACKER_NAMES && at <= POINTER_MAX)
		p->at[p->count++] = (uint16_t)at;
}

void pack_note(struct packer *p, const uint8_t *message, size_t at)
{
	for (; message[at] != 0; at += message[at] + 1U)
		remember(p, at);
}

void pack_name(struct packer *p, struct writer *w, const uint8_t *wire)
{
	unsigned before = p->count;

	for (; *wire != 0; wire += *wire + 1) {
		unsigned known = known_at(p, before, w->bytes, wire);
		if (known != 0) {
			writer_pointer(w, known);
			break;
		}
		size_t at = w->at;
		writer_bytes(w, wire, *wire + 1U);
		if (!w->full)
			remember(p, at);
	}
	if (*wire == 0)
		writer_u8(w, 0);
	if (w->full)
		p->count = before;
}

void pack_plain(struct packer *p, struct writer *w, const uint8_t *wire, size_t length)
{
	size_t at = w->at;

	writer_bytes(w, wire, length);
	if (!w->full)
		pack_note(p, w->bytes, at);
}
