/*
 * One look at conntrack: what it needs to know, made by the main thread, and what came of it, written by the thread
 * that runs it. The thread that has the pass owns all of it: nothing in it is shared.
 */
#ifndef PROXY_STALE_PASS_H
#define PROXY_STALE_PASS_H

#include "netlink/conntrack.h"
#include "proxy/removed_endpoints.h"
#include "proxy/reversed_flows.h"
#include "proxy/stale_snapshot.h"

enum { STALE_TCP, STALE_UDP, STALE_SCTP, STALE_PROTOCOLS };

/*
 * A walk over the kernel's table costs the same whatever is looked for, and each entry that the kernel sends costs as
 * much as 200 buckets. So it is asked for one address or one port where all have that; and in a table of many entries,
 * one after the other for each of a few.
 */
#define STALE_NARROW_MAX 4u	   /* walks in place of one… */
#define STALE_NARROW_ENTRIES 8192u /* …when the table has more than so many entries for each */

struct stale_look {
	bool wanted;
	bool one_addr, one_port; /* those of to[0] */
	unsigned count;		 /* of `to`; more than STALE_NARROW_MAX: whatever */
	struct {
		struct addr addr;
		uint16_t port;
	} to[STALE_NARROW_MAX];
};

struct stale_pass {
	uint64_t now_ms; /* when it was made */
	struct stale_snapshot snapshot;
	struct stale_look looks[STALE_PROTOCOLS][2]; /* IPv4, IPv6; what is done is not wanted any more */
	bool cut; /* TCP connections to `due` go, so all of TCP is read, not only SYNs */
	struct removed_due due;
	struct reversed_flows reversed;
	/* What came of it. */
	int error;	     /* 0 or -errno */
	uint64_t deleted[2]; /* IPv4, IPv6 */
	uint64_t took_us;
	uint64_t cpu_ns; /* of the thread */
};

unsigned stale_protocol(uint8_t proto); /* STALE_TCP… */
/* Main thread. The frontend's entries are to be looked at. */
void stale_pass_add(struct stale_pass *p, const struct owners *owners, const struct frontend_key *key);
/* Main thread. For the reversed flows that are in p. */
void stale_pass_add_reversed(struct stale_pass *p);
/* Any thread: asks the kernel. */
void stale_pass_run(struct stale_pass *p, struct conntrack *conntrack);
void stale_pass_free(struct stale_pass *p); /* NULL is fine */

#endif
