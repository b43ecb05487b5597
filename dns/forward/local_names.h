/*
 * Names that no upstream must be asked for: localhost, invalid, onion, alt, home.arpa and the reverse names of private
 * and special addresses (RFC 6303, 6761, 7686, 7793, 8375, 9476). Pure; any thread.
 */
#ifndef DNS_FORWARD_LOCAL_NAMES_H
#define DNS_FORWARD_LOCAL_NAMES_H

#include "dns/wire/record.h"

/* Labels of the local zone that holds `n`, 0: none. */
unsigned local_zone(const struct name *n);

/* Answers n, which is in a local zone of `zone_labels`; the question stands at offset 12. */
void local_answer(const struct name *n, unsigned zone_labels, unsigned type, struct reply *r);

#endif
