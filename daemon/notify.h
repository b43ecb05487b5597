/*
 * Messages to the service manager that started this process: systemd's protocol of sd_notify(3), which other managers
 * speak too. Without $NOTIFY_SOCKET nothing is sent. Any thread.
 */
#ifndef DAEMON_NOTIFY_H
#define DAEMON_NOTIFY_H

#include <stdbool.h>

/* A socket to it, for the caller to close. -1: there is no manager, or it cannot be reached, which a line tells. */
int notify_connect(void);
/* Sends "KEY=VALUE\n…" alone; false: nothing was sent. */
bool notify_send(const char *message);

#endif
