/*
 * What this node and this daemon need: the sockets that the daemon listens on, the API server's addresses and the
 * node's name servers. No Service takes them over (service/addresses.h). Main thread.
 */
#ifndef DAEMON_NEEDS_H
#define DAEMON_NEEDS_H

#include "daemon/config.h"
#include "proxy/store.h"
#include "service/addresses.h"

struct needs { /* all zero = empty */
	size_t own_count, count, constant_count;
	struct own_socket *own;
	struct needed_addr *items; /* first those that stay: the server's and the name servers' */
};

#define NEEDS_RESOLV_CONF "/etc/resolv.conf"
#define NEEDS_RESOLV_CONF_UPSTREAM "/run/systemd/resolve/resolv.conf" /* where the other one names a stub */

/* server: URL of the API server, NULL: none. */
void needs_init(struct needs *n, const struct config *config, const char *server);
/* Name servers of a file in the form of resolv.conf(5). */
void needs_add_name_servers(struct needs *n, const char *path);
/* The endpoints of default/kubernetes are the API servers (k8s publishes them there). */
void needs_update(struct needs *n, const struct store *store);
void needs_fini(struct needs *n);

#endif
