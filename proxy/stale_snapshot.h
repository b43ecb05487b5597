/*
 * The frontends that one look at conntrack is about, and where they lead: copied from the main thread's owners, so that
 * another thread can read it while services go on changing. The main thread fills it; after that it is only read, by
 * one thread at a time.
 */
#ifndef PROXY_STALE_SNAPSHOT_H
#define PROXY_STALE_SNAPSHOT_H

#include "base/map.h"
#include "proxy/owners.h"
#include "proxy/stale_flows.h"

struct arena;

struct stale_snapshot {	      /* all zero = empty */
	struct map frontends; /* key → struct stale_frontend */
	struct map copies;    /* endpoints of a service port → their copy: its frontends share it */
	struct arena *arena;
};

/* Main thread. A key that no service has is one that is gone. Again is fine: what the owner has then does not count. */
void stale_snapshot_add(struct stale_snapshot *s, const struct owners *owners, const struct frontend_key *key);
const struct stale_frontend *stale_snapshot_find(const struct stale_snapshot *s, const struct frontend_key *key);
void stale_snapshot_fini(struct stale_snapshot *s); /* leaves it empty */

#endif
