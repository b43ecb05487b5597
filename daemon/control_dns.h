/* Answers of the control socket about DNS; ctx is a struct daemon. Main thread. */
#ifndef DAEMON_CONTROL_DNS_H
#define DAEMON_CONTROL_DNS_H

#include "base/buf.h"

/* cluster-dns: the cluster domain, and on the next line the addresses that pods ask, with a blank between them. */
int control_cluster_dns(void *ctx, int argc, char **argv, struct buf *out);

/* cache-flush [NAME]: forgets what upstream servers said. */
int control_cache_flush(void *ctx, int argc, char **argv, struct buf *out);

#endif
