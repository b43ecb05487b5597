/*
 * Answers names that a hosts file has, those of the zone for the local network, and the names of their addresses. Those
 * of the file are answered before the first complete state, for they do not depend on it. Runs on RCU readers, without
 * allocation.
 */
#ifndef DNS_ANSWER_ANSWER_STATIC_H
#define DNS_ANSWER_ANSWER_STATIC_H

#include "dns/wire/record.h"
#include "dns/zone/table.h"

/* name is outside the cluster domain and stands at `at` in the message. False: not ours, nothing written. */
bool answer_static(const struct zone *z, const struct name *name, unsigned at, unsigned type, struct reply *r);
bool answer_static_has(const struct zone *z, const struct name *name);
/* Goes on where an alias leads out of the cluster domain (outside_at), to a static name. */
void answer_static_alias(const struct zone *z, unsigned type, struct reply *r);
/* The question is the reverse name of `a`. False: the address has no such name, nothing written. */
bool answer_static_reverse(const struct zone *z, const struct addr *a, unsigned type, struct reply *r);

#endif
