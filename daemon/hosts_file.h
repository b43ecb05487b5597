/*
 * The hosts file of --dns-hosts, followed as it changes. A version that cannot be read or is no hosts file changes
 * nothing. Main thread.
 */
#ifndef DAEMON_HOSTS_FILE_H
#define DAEMON_HOSTS_FILE_H

#include <ev.h>

#include "daemon/lan_zone.h"
#include "dns/zone/zone.h"

struct hosts_file;

/* Reads the file and publishes it in `zone`; tells `lan`, which may be NULL. Both outlive this. */
struct hosts_file *hosts_file_open(const char *path, struct zone *zone, struct lan_zone *lan, struct ev_loop *loop);
void hosts_file_reload(struct hosts_file *h); /* NULL is fine, as for close */
void hosts_file_close(struct hosts_file *h);

#endif
