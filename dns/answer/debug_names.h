/*
 * TXT records below `dns` of the cluster domain that say what the server knows, for programs and people that see no
 * extended errors. Nothing else is below `dns` but ns, so they shadow no name. TTL 0. Any RCU-registered online thread;
 * allocates nothing.
 *
 *   status.dns           node, version, source, sync state, age of the last change, serial, upstream servers
 *   SVC.NS.why.dns       endpoints of a Service, used and not, each with the reason
 *
 * whoami.dns is in whoami.h: it needs the packet.
 */
#ifndef DNS_ANSWER_DEBUG_NAMES_H
#define DNS_ANSWER_DEBUG_NAMES_H

#include "dns/answer/owner_ref.h"
#include "dns/wire/record.h"
#include "dns/zone/table.h"

#define DEBUG_ENDPOINTS_MAX 24 /* said of one Service; the others are counted */
#define DEBUG_LOOKED_AT_MAX                                                                      \
	4096u /* of its endpoints, and ports, for those that are not used: a query costs no more \
	       */

/* True: `s`, below `dns`, is one of them, or above one, and is answered. */
bool debug_answer(const struct zone *z, const struct owner_ref *s, unsigned type, struct reply *r);

#endif
