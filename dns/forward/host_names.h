/*
 * Host names whose addresses the daemon itself needs, followed by their TTL. The daemon's own DNS server is asked, so
 * that what --forward and --stub-domain say holds for them, and what the cluster's zone has. Main thread, on its loop.
 *
 * A name keeps its addresses while it cannot be asked for (SERVFAIL, no reply); NXDOMAIN and NODATA take them away.
 */
#ifndef DNS_FORWARD_HOST_NAMES_H
#define DNS_FORWARD_HOST_NAMES_H

#include <ev.h>

#include "base/addr_port.h"

#define HOST_NAMES_MAX 1000 /* more are told as a reason */
#define HOST_NAME_ADDRS_MAX 64

struct host_names;

/* changed: called in a loop turn in which addresses or the reason of a name have changed. */
struct host_names *host_names_new(struct ev_loop *loop, const struct addr_port *server,
				  void (*changed)(void *ctx, const char *host), void *ctx);
void host_names_free(struct host_names *h); /* NULL is fine */
/* Follows the name, once for each time it is wanted. */
void host_names_want(struct host_names *h, const char *host, bool wanted);
/* Borrowed until the loop's next turn. *why: why it has none, or no newer ones; NULL: fine, or not known yet. */
const struct addr *host_names_addrs(struct host_names *h, const char *host, size_t *count, const char **why);

#endif
