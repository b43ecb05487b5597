/*
 * When the next request is due while the API server serves no kind at all: one for the whole node, about once a second,
 * so that it is back in sync 2 s after the server is. Silence is cheap (a refused connection, a lost SYN) and keeps
 * that pace for ever; a server that answers and refuses for a minute is asked every 2.5 to 5 s. A value; no clock
 * inside.
 */
#ifndef WATCH_API_PACE_H
#define WATCH_API_PACE_H

#include <stdbool.h>

#include "watch/api/backoff.h"

#define PACE_REFUSED_QUICK_MS 60000 /* how long refusals keep the quick pace: a server that starts */
#define PACE_HURRY_MS 100	    /* the other kinds follow the first within this */

struct pace {
	struct backoff random;
	uint64_t since_ms;   /* when it was found to serve nothing; 0 = it serves something, or nothing failed yet */
	uint64_t refused_ms; /* first refusal in a row, also from before since_ms if that is not long ago; 0 = none */
	uint64_t resumed_ms; /* when it last served something again */
	bool silence;	     /* a request since then had no answer */
	unsigned attempts;   /* since then */
};

void pace_init(struct pace *p, uint64_t seed);
/*
 * A request failed, with an HTTP status (0: no answer; 200: the answer was cut) and its Retry-After, 0 = none. How long
 * to wait before the next attempt, in ms.
 */
uint32_t pace_failed_ms(struct pace *p, uint64_t now_ms, int status, uint32_t asked_ms);
/* A kind is served. True: what each kind has counted of its own failures is history. */
bool pace_resumed(struct pace *p, uint64_t now_ms);

#endif
