/*
 * Steering: a second table, "NAME-dns", makes packets to some DNS addresses of this host skip connection tracking, so
 * that no NAT rule of a Service sees them and the host's own sockets answer. The table belongs to the open socket
 * (NFT_TABLE_F_OWNER): when the process ends, however it ends, the kernel removes it. Its elements expire unless they
 * are renewed: when the process hangs, they are gone. Both times the next packet is translated as if there were no
 * steering.
 *
 *   prerouting, output (raw): destination in steered4, steered6, port 53 -> notrack. Not what the daemon itself sends.
 *   output (raw):             source in addresses4, addresses6, port 53  -> notrack. Ours stay untracked also while
 *                             nothing is steered, so that no reply leaves a conntrack entry that leads later queries
 *                             here.
 *
 * A renewal is no transaction, after which any program that lists a large ruleset begins anew. It is a packet of the
 * daemon's own mark to the address and a port of the table's own: a rule puts its destination into steered4 or
 * steered6, for STEER_TTL_MS, and drops it.
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
#define STEER_TTL_MS 950
#define STEER_ADDRS_MAX 8

/* Nothing is written yet. NULL with *error (one static line) when netlink is not there. */
struct steer *steer_open(const char *table, const char **error);
void steer_close(struct steer *s); /* and the table is gone; NULL is fine */
const char *steer_error(const struct steer *s);

/* -EOPNOTSUPP: this kernel has no tables with an owner. Keeps nothing. */
int steer_probe(struct steer *s);
/*
 * These are the addresses now, at most STEER_ADDRS_MAX; each is steered from its first renewal on. Makes the table when
 * there is none; a list that is the same as before costs nothing.
 */
int steer_set(struct steer *s, const struct addr *addrs, size_t count);
/* All addresses are steered for STEER_TTL_MS. -ENOENT: the table is not as it was left; the next steer_set makes it
 * anew. */
int steer_renew(struct steer *s);
int steer_end(struct steer *s); /* none is steered, from now on */

#endif
