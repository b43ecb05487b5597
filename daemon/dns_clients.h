/* Whom DNS knows: --dns-allow, else loopback, private, pod, service and node ranges. Main thread. */
#ifndef DAEMON_DNS_CLIENTS_H
#define DAEMON_DNS_CLIENTS_H

#include "daemon/daemon_private.h"

/* Publishes the ranges of this moment to the DNS workers; after every change of the node, its addresses or ranges. */
void dns_clients_update(struct daemon *d);

#endif
