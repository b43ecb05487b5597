/*
 * The kernel's connection tracking table (ctnetlink): read by protocol, and rid of the entries that the caller points
 * out. What is stale is decided elsewhere (proxy/stale_flows). Reading costs a walk over all buckets of the kernel's
 * hash table, also of an empty one: 10 ms with 262 144 of them. So it is a thread's work: one at a time, but whichever.
 */
#ifndef NETLINK_CONNTRACK_H
#define NETLINK_CONNTRACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

struct conntrack;

struct conntrack_entry {
	struct addr orig_src, orig_dst, reply_src; /* who connects, to whom, and who really answers */
	uint16_t orig_src_port, orig_port, reply_port;
	uint8_t proto;
	bool unreplied; /* nothing came back yet */
	bool syn_sent;	/* TCP, and only the SYN was seen */
	bool dnat;	/* the destination was translated */
};

/* NULL with *error (one static line) when ctnetlink is not there. */
struct conntrack *conntrack_open(const char **error);
void conntrack_close(struct conntrack *c); /* NULL is fine */

struct nlmsghdr;
/* One entry of a dump. False: not one of IPv4 or IPv6, or of a shape that the kernel does not write. Pure. */
bool conntrack_entry_read(const struct nlmsghdr *nlh, struct conntrack_entry *e);

/* Called in the middle of reading: decide only. True: the entry goes. */
typedef bool conntrack_check_fn(void *ctx, const struct conntrack_entry *e);

/*
 * Goes through the entries of one protocol in one family and deletes those that `check` wants gone: one walk, and one
 * more for each at_once of them, so that memory does not grow with the table.
 * unreplied_only: the kernel need not send the others (it does before 5.15; they are skipped here then). dst, dst_port:
 * the same for what went elsewhere (of dst in IPv4 only). One that vanished by itself meanwhile is no error. EINTR is
 * retried; check may see an entry again then. *deleted: also what went before an error. 0 or -errno; -ECANCELED after
 * conntrack_stop.
 */
struct conntrack_sweep {
	uint8_t family, proto;
	bool unreplied_only;
	const struct addr *dst; /* that the client asked; NULL: any */
	uint16_t dst_port;	/* 0: any */
	size_t at_once;		/* entries that are kept in memory before they are deleted; 0: 65 536 */
	conntrack_check_fn *check;
	void *ctx;
};
int conntrack_sweep(struct conntrack *c, const struct conntrack_sweep *sweep, size_t *deleted);

/* How many entries this network namespace has; walks nothing. 0 or -errno. */
int conntrack_count(struct conntrack *c, uint32_t *entries);

/*
 * Any thread, at any time before conntrack_close: the sweep under way ends at the kernel's next answer, and no other
 * begins. There is no way back.
 */
void conntrack_stop(struct conntrack *c);

#endif
