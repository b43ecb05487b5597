/*
 * whoami.dns below the cluster domain, for programs and people that cannot see more: a TXT record that says as whom the
 * server sees the asker. Nothing else is below `dns` but ns, so it shadows no name. Any RCU-registered online thread.
 */
#ifndef DNS_ANSWER_WHOAMI_H
#define DNS_ANSWER_WHOAMI_H

#include "dns/answer/packet.h"
#include "dns/wire/record.h"

/*
 * One record of TTL 0: address=, port=, transport=; of a pod of this node also pod=, namespace= and each domain of the
 * search list that kubelet gives it (dnsPolicy ClusterFirst) as search=. Others have pod=unknown.
 */
void whoami_answer(const struct zone *z, const struct packet *in, struct reply *r);

#endif
