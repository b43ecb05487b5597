/*
 * What systemd (Type=notify, WatchdogSec=) is told: that this process is ready, that it is alive, that it stops, and a
 * line for `systemctl status`. Without a service manager nothing happens here. Main thread.
 */
#ifndef DAEMON_SERVICE_MANAGER_H
#define DAEMON_SERVICE_MANAGER_H

#include "daemon/daemon_private.h"

/*
 * Ready is daemon_ready(), and after this time in any case: a start does not fail, nor does `systemctl start` wait,
 * because an API server is away or an address is not there yet.
 */
#define SERVICE_MANAGER_READY_MS 10000

/* Once all parts run. */
void service_manager_start(struct daemon *d);
void service_manager_stop(struct daemon *d);

#endif
