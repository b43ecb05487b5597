/* The name servers of the node, which no Service takes over (daemon/needs.h), as resolv.conf changes. Main thread. */
#ifndef DAEMON_NAME_SERVERS_H
#define DAEMON_NAME_SERVERS_H

#include "daemon/daemon_private.h"

void name_servers_follow(struct daemon *d); /* reads the files, too; after needs_init */
void name_servers_forget(struct daemon *d);

#endif
