/*
 * Which addresses and node ports are in use, and by whom: written in a manifest (by any number of Services: who of them
 * has it is decided later, proxy/owners.h), or allocated to one Service. Main thread.
 */
#ifndef WATCH_LAB_USES_H
#define WATCH_LAB_USES_H

#include "base/map.h"
#include "watch/lab/range.h"

/* One address, or with family 0 one port, as a map key: no padding. */
struct used {
	struct addr addr;
	uint8_t zero;
	uint16_t port;
};

static inline struct used used_addr(const struct addr *a)
{
	return (struct used){.addr = *a};
}
static inline struct used used_port(uint16_t port)
{
	return (struct used){.port = port};
}

struct uses { /* all zero = none */
	struct map all;
};

void uses_fini(struct uses *u);
/* Written by hand once more, or once less. Returns to whom it is allocated, NULL: to none. */
void *uses_write(struct uses *u, const struct used *what);
void uses_unwrite(struct uses *u, const struct used *what);
/* False: it is written, or another's. */
bool uses_allocate(struct uses *u, const struct used *what, void *owner);
/* Nothing where the owner does not have it. */
void uses_release(struct uses *u, const struct used *what, const void *owner);
bool uses_is_free(const struct uses *u, const struct used *what);

#endif
