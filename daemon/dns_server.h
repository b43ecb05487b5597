/* The DNS server of the daemon: started from the configuration, its addresses tried again until each is served. */
#ifndef DAEMON_DNS_SERVER_H
#define DAEMON_DNS_SERVER_H

#include "daemon/daemon_private.h"

/* Fatal where waiting cannot help. Nothing with --no-dns. */
void dns_server_open(struct daemon *d);
/* After every sync_turn: for status.dns. */
void dns_server_turn(struct daemon *d);
/* The host's addresses have changed. */
void dns_server_retry(struct daemon *d);
void dns_server_leave(struct daemon *d);  /* server_leave, and no more tries to bind */
void dns_server_reload(struct daemon *d); /* reads again the files that the flags name */
void dns_server_close(struct daemon *d);

/* Every address is served, or there is no DNS. */
bool dns_server_complete(const struct daemon *d);

#endif
