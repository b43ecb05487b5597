/*
 * The serial of the zone's SOA (RFC 1982): seconds since 1970, one further for each change within a second, and never
 * one that was published before, whatever the clock does and however often the daemon starts. For that a bound above
 * every published serial is kept outside; a start begins there when the clock is behind it. Main thread.
 */
#ifndef DNS_ZONE_SERIAL_H
#define DNS_ZONE_SERIAL_H

#include <stdbool.h>
#include <stdint.h>

#define SERIAL_AHEAD_MIN 64 /* the bound's distance: doubled whenever it is reached, so that it is kept rarely */
#define SERIAL_AHEAD_MAX 65536

struct serial_store {
	bool known;				 /* `bound` is what an earlier process has kept */
	uint32_t bound;				 /* above every serial that it may have published */
	void (*keep)(void *ctx, uint32_t bound); /* NULL: nothing is kept */
	void *ctx;
};

struct serial {
	struct serial_store store;
	uint32_t value;
	uint32_t ahead;
};

/* a is newer than b (RFC 1982 3.2). */
static inline bool serial_newer(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0;
}

void serial_init(struct serial *s, const struct serial_store *store); /* nothing is published yet */
/* The serial of the first published state, and of every further change. */
uint32_t serial_first(struct serial *s, uint32_t now_s);
uint32_t serial_next(struct serial *s, uint32_t now_s);
/* The end: the next start need not begin further ahead than it must. */
void serial_end(struct serial *s);

#endif
