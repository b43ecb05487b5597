/*
 * Fills the facts: from DNS, from the daemon's control socket, from this host's kernel. What cannot be had stays
 * unknown. Main thread; blocks.
 */
#ifndef CLI_EXPLAIN_GATHER_H
#define CLI_EXPLAIN_GATHER_H

#include "cli/explain/facts.h"
#include "daemon/config.h"

struct gather_flags {
	enum resolver resolver;
	const char *from, *ns, *resolv_conf; /* NULL: not given */
};

/* False: no daemon answers; a line on stderr says so. Fills the daemon's state, and the client. */
bool gather_daemon(struct facts *f, struct config *c, const struct gather_flags *flags);
/* The Service of a name (f->names), or what has the address (f->asked). */
void gather_services(struct facts *f, const struct config *c);
/* Asks for the name as the client's resolver does. False: a line on stderr says why not. */
bool gather_names(struct facts *f, struct config *c, const struct gather_flags *flags);
void gather_kernel(struct facts *f, const struct config *c);

#endif
