/*
 * Steering: a second table, "NAME-dns", makes packets to some DNS addresses of this host skip connection tracking, so
 * that no NAT rule of a Service sees them and the host's own sockets answer. The table belongs to the open socket
 * (NFT_TABLE_F_OWNER): when the process ends, however it ends, the kernel removes it. Its elements expire unless they
 * are renewed: when the process hangs, they are gone. Both times the next packet is translated as if there were no
 * steering.
 *
 *   prerouting, output (raw): destination in steered4, steered6 -> notrack. Not what the daemon itself sends.
 *   output (raw):             source in replies4, replies6      -> notrack. Ours stay untracked also while nothing is
 *                             steered, so that no reply leaves a conntrack entry that leads later queries here.
 *
 * While the next process takes over there are two tables; the second is called "NAME-dns-next". Main thread. Functions
 * that talk to the kernel return 0 or a negative errno; steer_error has the line for the log.
 */
#ifndef NFT_STEER_H
#define NFT_STEER_H

#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

struct steer;

#define STEER_PORT 53
#define STEER_ADDRS_MAX 8

/* Nothing is written yet. NULL with *error (one static line) when netlink is not there. */
struct steer *steer_open(const char *table, const char **error);
void steer_close(struct steer *s); /* and the table is gone; NULL is fine */
const char *steer_error(const struct steer *s);

/* -EOPNOTSUPP: this kernel has no tables with an owner. Keeps nothing. */
int steer_probe(struct steer *s);
/*
 * From now on, and for ttl_ms, queries to these addresses are steered, UDP and TCP, and no others; ttl_ms 0: none, but
 * our replies from there stay untracked. Makes the table when there is none. At most STEER_ADDRS_MAX.
 */
int steer_set(struct steer *s, const struct addr *addrs, size_t count, uint64_t ttl_ms);

#endif
