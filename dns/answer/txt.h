/* Inside of answer: strings of a TXT record. Any thread. */
#ifndef DNS_ANSWER_TXT_H
#define DNS_ANSWER_TXT_H

#include "dns/wire/wire.h"

/* At most 255 bytes (RFC 1035 3.3); what is longer is cut. */
void txt_put(struct writer *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
