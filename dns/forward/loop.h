/*
 * Does an upstream lead back to us? It is asked for a name that only we know (a secret and a number, below its domain,
 * type HINFO, as CoreDNS's loop plugin does); when that very question reaches one of our workers, it does. The
 * forwarder makes names, workers note them. Each name has a secret of its own: the server that was asked for one, and
 * who listens on the way to it, must not be able to say that another upstream leads back to us.
 */
#ifndef DNS_FORWARD_LOOP_H
#define DNS_FORWARD_LOOP_H

#include <stdatomic.h>

#include "dns/wire/name.h"

#define LOOP_SECRET_CHARACTERS 16
#define LOOP_NUMBERS 4096 /* UPSTREAMS_MAX * (STUBS_MAX + 1) fit */

struct loop_marks {				/* all zero: none is asked for */
	_Atomic uint64_t secrets[LOOP_NUMBERS]; /* 0: that number is not asked for */
	_Atomic bool seen[LOOP_NUMBERS];
};

/*
 * "SECRET.NUMBER." and the zone, uncompressed; from now on it is asked for. Returns its length, 0: the zone is too long
 * for that.
 */
size_t loop_name(struct loop_marks *m, unsigned number, const struct name *zone, uint8_t wire[NAME_BYTES]);

/* Worker. The name is one of ours: noted. */
bool loop_note(struct loop_marks *m, const struct name *name);

/* Was it seen? It is not asked for any more. */
bool loop_take(struct loop_marks *m, unsigned number);

#endif
