/*
 * Connections in the kernel's conntrack table that no longer lead where their frontend does: which frontends a change
 * concerns, and what becomes of one entry. As kube-proxy's reconciliation (pkg/proxy/conntrack), without its gaps:
 * deleted Services, new addresses, no serving endpoint and SCTP count too. Pure; never ask before the first complete
 * state: everything would look stale. Any thread.
 */
#ifndef PROXY_STALE_FLOWS_H
#define PROXY_STALE_FLOWS_H

#include "netlink/conntrack.h"
#include "service/service.h"

/* A frontend that something happened to, and where it leads now. */
struct stale_frontend {
	struct frontend_key key;
	bool owned;		      /* false: no service has it any more */
	uint32_t target_count;	      /* of the service port behind it… */
	const struct target *targets; /* …every endpoint, in the service port's order */
};

enum stale_action {
	FLOW_KEEP,
	FLOW_DELETE, /* the next packet is balanced anew, or refused */
	/* Established TCP to an endpoint that is no longer listed (a terminating one is): for --reset-removed-tcp. */
	FLOW_REMOVED,
};

bool staleflows_translated(const struct conntrack_entry *f); /* another address answers than was asked */
/* frontend: of the address and port that the flow asked. */
enum stale_action stale_check(const struct conntrack_entry *f, const struct stale_frontend *frontend);

/*
 * Calls `each` for the frontends at which prev → next (either may be NULL) can have left stale entries behind. UDP and
 * SCTP: the frontend is new, is gone, passes to another service perhaps, or an endpoint stopped serving. TCP: only new
 * ones, for a SYN that ran ahead of its rules (k/k#48719); kube-proxy never looks at TCP, and what is established is
 * the two ends' business (k/k#100698). tcp: all of it, as --reset-removed-tcp asks.
 */
typedef void staleflows_each_fn(void *ctx, const struct frontend_key *key);
void staleflows_changed(const struct service *prev, const struct service *next, bool tcp, staleflows_each_fn *each,
			void *ctx);

#endif
