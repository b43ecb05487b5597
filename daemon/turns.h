/*
 * What happens while the daemon runs: each event ends in daemon_turn (daemon_private.h). The callbacks' ctx is a struct
 * daemon. Main thread, but for turns_wake.
 */
#ifndef DAEMON_TURNS_H
#define DAEMON_TURNS_H

#include "daemon/daemon_private.h"

/* First of all: a signal that comes while the parts are put together waits for the loop. */
void turns_signals_start(struct daemon *d);
/* Once all parts are there. */
void turns_watch(struct daemon *d);

/* The store's listener. */
void turns_complete(void *ctx);
void turns_end(void *ctx);
/* What sync tells. */
void turns_published(void *ctx, const struct service *prev, const struct service *next);
void turns_gone(void *ctx, const struct frontend_key *key);
void turns_clients(void *ctx);
/* What the kernel has; NULL: nothing of that name. */
const struct service *turns_find(void *ctx, const char *ns, const char *name);
/* In the thread that reads conntrack: it has ended a pass. */
void turns_wake(void *ctx);

#endif
