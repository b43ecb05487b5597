/* Steps the serial of the SOA. */
#include "dns/zone/serial.h"

#include <stddef.h>

void serial_init(struct serial *s, const struct serial_store *store)
{
	*s = (struct serial){.store = *store, .ahead = SERIAL_AHEAD_MIN};
}

static void bound_set(struct serial *s, uint32_t bound)
{
	s->store.bound = bound;
	s->store.known = true;
	if (s->store.keep != NULL)
		s->store.keep(s->store.ctx, bound);
}

/* The bound is kept before the value is seen. */
static uint32_t publish(struct serial *s, uint32_t value)
{
	s->value = value;
	if (!s->store.known || !serial_newer(s->store.bound, value)) {
		bound_set(s, value + s->ahead);
		s->ahead = s->ahead < SERIAL_AHEAD_MAX ? 2 * s->ahead : SERIAL_AHEAD_MAX;
	}
	return value;
}

uint32_t serial_first(struct serial *s, uint32_t now_s)
{
	bool behind = s->store.known && serial_newer(s->store.bound, now_s);

	return publish(s, behind ? s->store.bound : now_s);
}

uint32_t serial_next(struct serial *s, uint32_t now_s)
{
	return publish(s, serial_newer(now_s, s->value) ? now_s : s->value + 1);
}

void serial_end(struct serial *s)
{
	if (s->store.known && s->ahead > SERIAL_AHEAD_MIN)
		bound_set(s, s->value + 1);
}
