/* Inside of answer: the sentence of an extended error (RFC 8914). Any thread. */
#ifndef DNS_ANSWER_REASON_TEXT_H
#define DNS_ANSWER_REASON_TEXT_H

#include "dns/wire/record.h"

/* Appends; what does not fit is cut. The code becomes EDE_OTHER where there is none yet. */
void reason_say(struct reply *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
