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
	size_t own_count;
	struct own_socket *own;
	size_t count, server_count, name_server_count;
	struct needed_addr *items; /* the server's, then the name servers', then those of API servers */
};

/* server: URL of the API server, NULL: none. */
void needs_init(struct needs *n, const struct config *config, const char *server);
/*
 * Name servers of files in the form of resolv.conf(5), in place of those before, which stay when no file names one.
 * True: they have changed, and needs_update is due.
 */
bool needs_name_servers_read(struct needs *n, const char *const *paths, size_t count);
/* The endpoints of default/kubernetes are the API servers (k8s publishes them there). */
void needs_update(struct needs *n, const struct store *store);
void needs_fini(struct needs *n);

#endif
