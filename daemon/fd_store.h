/*
 * systemd keeps our sockets over a restart (FileDescriptorStoreMax=, sd_notify(3), sd_listen_fds(3)): queries and
 * connections that come meanwhile wait in them. Without systemd nothing happens here. Main thread.
 */
#ifndef DAEMON_FD_STORE_H
#define DAEMON_FD_STORE_H

#include <stddef.h>

/* Those that systemd gives this process, at most `room`; called once, before any descriptor is opened. */
size_t fd_store_take(int *fds, size_t room);
/* Gives it copies of all that listen now, and waits until it has them, 0.2 s at most. */
void fd_store_give(void);

#endif
