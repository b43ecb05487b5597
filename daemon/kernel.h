/* The kernel's side of the daemon: opened at start, unless --no-proxy. Ends the process where that fails. Main thread.
 */
#ifndef DAEMON_KERNEL_H
#define DAEMON_KERNEL_H

#include "daemon/daemon_private.h"

void kernel_open(struct daemon *d);
void kernel_check_neighbours(const struct daemon *d); /* warns of another proxy's rules */

#endif
