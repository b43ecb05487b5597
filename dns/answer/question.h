/*
 * One question, answered from the zone: with the rest of the client's search list where that is wanted (autopath.h),
 * and with a reason where there is no record. RCU reader, no allocation.
 */
#ifndef DNS_ANSWER_QUESTION_H
#define DNS_ANSWER_QUESTION_H

#include "dns/wire/name.h"
#include "dns/wire/record.h"

/*
 * Answers `name` (the question, at offset 12 of r->w.bytes) if it is under the cluster domain, a static name or a
 * reverse name of ours. False: not ours, nothing written.
 */
bool question_answer(const struct zone *z, const struct name *name, unsigned type, struct reply *r);

#endif
