/*
 * Endpoints that left a service, and when: with --reset-removed-tcp, TCP connections to them are cut once a grace
 * period has passed (a terminating endpoint is still listed and keeps its connections). Pure but for its memory: the
 * caller brings the time and does the cutting. Main
 * thread, but for struct removed_due.
 */
#ifndef PROXY_REMOVED_ENDPOINTS_H
#define PROXY_REMOVED_ENDPOINTS_H

#include <stdbool.h>
#include <stdint.h>

#include "proxy/frontend_set.h"

struct removed_endpoints { /* all zero = nothing left; then set grace_ms */
	uint64_t grace_ms;
	uint64_t next_ms;    /* the first one is due then; 0: none waits */
	uint64_t unknown_ms; /* what left before removed_endpoints_start is due then; 0: done with it */
	struct map gone;     /* address and port → struct, owned */
	/* Through which they may still be reached, also those that are not due yet; before unknown_ms all. */
	struct frontend_set frontends;
};

/* What is due at one moment: a copy, which another thread may read. */
struct removed_due { /* all zero = nothing */
	bool unknown;
	struct map places; /* address and port → struct, owned */
};

/*
 * What left while no process ran, or just before the last one ended, is not known. So each endpoint that no service
 * lists and that removed_endpoints_note did not see leave is due one grace period from now.
 */
void removed_endpoints_start(struct removed_endpoints *c, uint64_t now_ms);
/* Endpoints of prev that next (NULL: deleted) does not list are noted, those that it lists again forgotten. */
void removed_endpoints_note(struct removed_endpoints *c, const struct service *prev, const struct service *next,
			    uint64_t now_ms);
void removed_endpoints_due(const struct removed_endpoints *c, uint64_t now_ms, struct removed_due *due);
bool removed_due_has(const struct removed_due *due, const struct addr *addr, uint16_t port);
void removed_due_fini(struct removed_due *due); /* leaves it empty */
/* Forgets what was due at `now_ms`. */
void removed_endpoints_done(struct removed_endpoints *c, uint64_t now_ms);
void removed_endpoints_fini(struct removed_endpoints *c);

#endif
