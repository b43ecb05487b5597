/*
 * Connections in the kernel's conntrack table that no longer lead where their frontend does (A.7, with the gaps of
 * B.3 closed). One pure decision per entry; who dumps and deletes is the caller. Never ask before the first complete
 * state: everything would look stale.
 */
#ifndef PROXY_STALE_FLOWS_H
#define PROXY_STALE_FLOWS_H

#include "proxy/owners.h"
#include "proxy/frontend_set.h"

/* One conntrack entry: the client, where it wanted to go, and who answers. */
struct flow {
	struct addr orig_src, orig_dst, reply_src;
	uint16_t orig_src_port, orig_port, reply_port;
	uint8_t proto;
	bool syn_sent; /* TCP: nothing came back yet */
};

enum stale_action {
	FLOW_KEEP,
	FLOW_DELETE, /* the next packet is balanced anew, or refused */
	/* Established TCP to an endpoint that is no longer listed (a terminating one is): for --reset-removed-tcp. */
	FLOW_REMOVED,
};

bool staleflows_translated(const struct flow *f); /* another address answers than was asked */
/* gone: frontends that existed a moment ago. */
enum stale_action stale_check(const struct flow *f, const struct owners *owners, const struct frontend_set *gone);
/*
 * prev → next can have left stale entries behind: an endpoint stopped serving, a frontend went away or is new. False
 * means that no dump is needed. Either may be NULL.
 */
bool staleflows_possible(const struct service *prev, const struct service *next);

#endif
