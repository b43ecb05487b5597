/* Names that find forwarding loops. */
#include "dns/forward/loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"

#define NUMBER_CHARACTERS 4

void loop_marks_init(struct loop_marks *m)
{
	uint64_t n;

	random_fill(&n, sizeof n);
	snprintf(m->secret, sizeof m->secret, "%016llx", (unsigned long long)n);
}

size_t loop_name(const struct loop_marks *m, unsigned number, const struct name *zone, uint8_t wire[NAME_BYTES])
{
	const size_t own = 1 + LOOP_SECRET_CHARACTERS + 1 + NUMBER_CHARACTERS;
	char text[NUMBER_CHARACTERS + 1];

	if (own + zone->length > NAME_BYTES)
		return 0;
	snprintf(text, sizeof text, "%04x", number % LOOP_NUMBERS);
	wire[0] = LOOP_SECRET_CHARACTERS;
	memcpy(wire + 1, m->secret, LOOP_SECRET_CHARACTERS);
	wire[1 + LOOP_SECRET_CHARACTERS] = NUMBER_CHARACTERS;
	memcpy(wire + own - NUMBER_CHARACTERS, text, NUMBER_CHARACTERS);
	memcpy(wire + own, zone->wire, zone->length);
	return own + zone->length;
}

bool loop_note(struct loop_marks *m, const struct name *name)
{
	char text[NUMBER_CHARACTERS + 1] = "";
	unsigned length;
	const uint8_t *label;

	if (name->labels < 2 || !name_label_is(name, 0, m->secret))
		return false;
	label = name_label(name, 1, &length);
	if (length != NUMBER_CHARACTERS)
		return false;
	memcpy(text, label, length);
	unsigned long number = strtoul(text, NULL, 16);
	if (number >= LOOP_NUMBERS)
		return false;
	atomic_store_explicit(&m->seen[number], true, memory_order_relaxed);
	return true;
}

bool loop_take(struct loop_marks *m, unsigned number)
{
	return atomic_exchange_explicit(&m->seen[number % LOOP_NUMBERS], false, memory_order_relaxed);
}
