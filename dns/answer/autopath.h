/*
 * The search list of a pod, finished on the server (CoreDNS's autopath): a name below the first domain of the list that
 * does not exist is looked for below the others, and the answer leads there by a CNAME. Any thread, RCU reader.
 */
#ifndef DNS_ANSWER_AUTOPATH_H
#define DNS_ANSWER_AUTOPATH_H

#include "dns/answer/owner_ref.h"
#include "dns/wire/record.h"

/*
 * The reply says NXDOMAIN for s. r->search_from: the client, NULL: nothing is done. Afterwards the reply is the answer
 * for the name that the rest of the list has inside the cluster; or r->search_labels says how many labels the client's
 * own name has, which may exist outside.
 */
void autopath_answer(const struct zone *z, const struct owner_ref *s, unsigned type, struct reply *r);

#endif
