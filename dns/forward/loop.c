/* Names that find forwarding loops. */
#include "dns/forward/loop.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"

#define NUMBER_CHARACTERS 4

size_t loop_name(struct loop_marks *m, unsigned number, const struct name *zone, uint8_t wire[NAME_BYTES])
{
	const size_t own = 1 + LOOP_SECRET_CHARACTERS + 1 + NUMBER_CHARACTERS;
	char text[LOOP_SECRET_CHARACTERS + NUMBER_CHARACTERS + 1];
	uint64_t secret = 0;

	if (own + zone->length > NAME_BYTES)
		return 0;
	while (secret == 0)
		random_fill(&secret, sizeof secret);
	snprintf(text, sizeof text, "%016" PRIx64 "%04x", secret, number % LOOP_NUMBERS);
	wire[0] = LOOP_SECRET_CHARACTERS;
	memcpy(wire + 1, text, LOOP_SECRET_CHARACTERS);
	wire[1 + LOOP_SECRET_CHARACTERS] = NUMBER_CHARACTERS;
	memcpy(wire + own - NUMBER_CHARACTERS, text + LOOP_SECRET_CHARACTERS, NUMBER_CHARACTERS);
	memcpy(wire + own, zone->wire, zone->length);
	atomic_store(&m->seen[number % LOOP_NUMBERS], false);
	atomic_store(&m->secrets[number % LOOP_NUMBERS], secret);
	return own + zone->length;
}

/* Label i in hexadecimal digits; false: it is not so long, or something else. */
static bool read_hex(const struct name *name, unsigned i, unsigned digits, uint64_t *value)
{
	char text[LOOP_SECRET_CHARACTERS + 1] = "";
	unsigned length;
	const uint8_t *label = name_label(name, i, &length);

	if (length != digits)
		return false;
	memcpy(text, label, length);
	*value = strtoull(text, NULL, 16);
	return strspn(text, "0123456789abcdef") == digits;
}

bool loop_note(struct loop_marks *m, const struct name *name)
{
	uint64_t secret, number;

	if (name->labels < 2 || !read_hex(name, 0, LOOP_SECRET_CHARACTERS, &secret) ||
	    !read_hex(name, 1, NUMBER_CHARACTERS, &number) || number >= LOOP_NUMBERS || secret == 0 ||
	    atomic_load_explicit(&m->secrets[number], memory_order_relaxed) != secret)
		return false;
	atomic_store_explicit(&m->seen[number], true, memory_order_relaxed);
	return true;
}

bool loop_take(struct loop_marks *m, unsigned number)
{
	atomic_store(&m->secrets[number % LOOP_NUMBERS], 0);
	return atomic_exchange_explicit(&m->seen[number % LOOP_NUMBERS], false, memory_order_relaxed);
}
