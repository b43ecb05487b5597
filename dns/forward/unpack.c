/* Reads and writes compressed names (RFC 1035 4.1.4). */
#include "dns/forward/unpack.h"

#define POINTER_MAX 0x3fff

size_t unpack_name(uint8_t wire[NAME_BYTES], const uint8_t *message, size_t message_bytes, size_t *at)
{
	size_t from = *at, length = 0, lowest = *at;
	unsigned jumps = 0;

	while (from < message_bytes) {
		unsigned label = message[from];
		if (label >= 0xc0) {
			if (from + 2 > message_bytes || jumps > NAME_LABELS)
				return 0;
			if (jumps++ == 0)
				*at = from + 2;
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
		if (jumps == 0)
			*at = from;
		return length;
	}
	return 0;
}

/* ---- comparing ---- */

void name_key(struct name_key *key, const uint8_t *wire, size_t length)
{
	key->length = (uint8_t)length;
	name_lower(key->wire, wire, length);
}

bool name_keys_equal(const struct name_key *a, const struct name_key *b)
{
	return a->length == b->length && memcmp(a->wire, b->wire, a->length) == 0;
}

static bool ends_with(const struct name_key *name, const uint8_t *end, size_t length)
{
	return length <= name->length && memcmp(name->wire + name->length - length, end, length) == 0;
}

/* A label begins there. */
static bool is_label(const struct name_key *name, size_t at)
{
	size_t label = 0;

	while (label < at)
		label += name->wire[label] + 1U;
	return label == at;
}

bool name_key_is_below(const struct name_key *name, const struct name_key *above)
{
	return ends_with(name, above->wire, above->length) && is_label(name, (size_t)name->length - above->length);
}

/* ---- writing ---- */

/* The longest end of the name that was written before; NULL: none. */
static const struct packed *find_end(const struct packer *p, const struct name_key *name)
{
	const struct packed *best = NULL;

	for (unsigned i = 0; i < p->count; i++) {
		const struct packed *k = &p->known[i];
		if ((best == NULL || k->length > best->length) && ends_with(name, p->text + k->text_at, k->length) &&
		    is_label(name, (size_t)name->length - k->length))
			best = k;
	}
	return best;
}

/* The first `fresh` bytes of the name stand at `at`; what follows was known. */
static void remember(struct packer *p, const struct name_key *name, size_t fresh, size_t at)
{
	const unsigned text_at = p->text_bytes;

	if (p->count == PACKER_NAMES || at > POINTER_MAX || text_at + name->length > PACKER_TEXT_BYTES)
		return;
	memcpy(p->text + text_at, name->wire, name->length);
	p->text_bytes += name->length;
	for (size_t i = 0; i < fresh && p->count < PACKER_NAMES && at + i <= POINTER_MAX; i += name->wire[i] + 1U)
		p->known[p->count++] =
			(struct packed){(uint16_t)(at + i), (uint16_t)(text_at + i), (uint8_t)(name->length - i)};
}

static void note(struct packer *p, const uint8_t *wire, size_t length, size_t at)
{
	struct name_key name;

	name_key(&name, wire, length);
	remember(p, &name, length - 1, at);
}

void pack_note(struct packer *p, const uint8_t *message, size_t at)
{
	size_t end = at;

	while (message[end] != 0)
		end += message[end] + 1U;
	note(p, message + at, end + 1 - at, at);
}

void pack_name(struct packer *p, struct writer *w, const uint8_t *wire, size_t length)
{
	struct name_key name;
	const size_t at = w->at;

	name_key(&name, wire, length);
	const struct packed *end = find_end(p, &name);
	size_t fresh = end != NULL ? length - end->length : length - 1;
	writer_bytes(w, wire, fresh);
	if (end != NULL)
		writer_pointer(w, end->at);
	else
		writer_u8(w, 0);
	if (!w->full && fresh > 0)
		remember(p, &name, fresh, at);
}

void pack_plain(struct packer *p, struct writer *w, const uint8_t *wire, size_t length)
{
	size_t at = w->at;

	writer_bytes(w, wire, length);
	if (!w->full)
		note(p, wire, length, at);
}
