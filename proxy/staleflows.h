/*
 * Connections in the kernel's conntrack table that no longer lead where their frontend does (A.7, with the gaps of
 * B.3 closed). One pure decision per entry; who dumps and deletes is the caller. Never ask before the first complete
 * state: everything would look stale.
 */
#ifndef PROXY_STALEFLOWS_H
#define PROXY_STALEFLOWS_H

#include "base/map.h"
#include "proxy/claims.h"

/* One conntrack entry: where the client wanted to go and who answers. */
struct flow {
	struct addr orig_dst, reply_src;
	uint16_t orig_port, reply_port;
	uint8_t proto;
	bool syn_sent; /* TCP: nothing came back yet */
};

enum flow_fate {
	FLOW_KEEP,
	FLOW_DELETE, /* the next packet is balanced anew, or refused */
	/* Established TCP to an endpoint that is no longer listed (a terminating one is): for --reset-removed-tcp. */
	FLOW_REMOVED,
};

/* Frontends that existed a moment ago: deleted services, dropped ports and addresses. Zero = none; keys are copied. */
struct gone_frontends {
	struct map keys;
};

/* Adds the frontends of prev that next (NULL = deleted) does not have. */
void gone_add(struct gone_frontends *g, const struct service *prev, const struct service *next);
/* Adds a frontend that a former process left in the kernel. */
void gone_add_key(struct gone_frontends *g, const struct frontend_key *key);
void gone_fini(struct gone_frontends *g); /* leaves it empty, ready to use */

enum flow_fate staleflows_judge(const struct flow *f, const struct claims *claims, const struct gone_frontends *gone);
/*
 * prev → next can have left stale entries behind: an endpoint stopped serving, a frontend went away or is new. False
 * means that no dump is needed. Either may be NULL.
 */
bool staleflows_possible(const struct service *prev, const struct service *next);

#endif
