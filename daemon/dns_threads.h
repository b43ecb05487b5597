/* Whether the threads that answer DNS go round. Main thread. */
#ifndef DAEMON_DNS_THREADS_H
#define DAEMON_DNS_THREADS_H

#include "daemon/daemon_private.h"

/* As of the last look, which is now unless one was a moment ago: so several may ask. True without DNS. */
bool dns_threads_are_alive(struct daemon *d, uint64_t now_ms);

#endif
