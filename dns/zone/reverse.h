/*
 * Address → owners, for PTR records, as one crit-bit tree per family: finds an address, and tells whether anything
 * exists below a prefix, which an empty non-terminal of in-addr.arpa or ip6.arpa needs (RFC 8020).
 *
 * One writer, any number of RCU readers: leaves and inner nodes are never edited except for one child pointer, and
 * are freed after a grace period. Owners are opaque.
 */
#ifndef DNS_ZONE_REVERSE_H
#define DNS_ZONE_REVERSE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"

struct reverse {
	_Atomic uintptr_t v4, v6; /* roots; zero = empty */
};

struct reverse_leaf { /* one for each endpoint: of IPv4 with one owner, the smallest block that malloc has */
	uint32_t count;
	uint8_t v4[4]; /* the address; of IPv6 it stands behind the owners */
	const void *owners[];
};

/* Writer, between rcu_writer_begin and rcu_writer_end. An owner is added to an address at most once. */
void reverse_add(struct reverse *r, const struct addr *a, const void *owner);
void reverse_del(struct reverse *r, const struct addr *a, const void *owner);
void reverse_fini(struct reverse *r); /* no readers any more */

/* Readers. NULL = no record. */
const struct reverse_leaf *reverse_find(const struct reverse *r, const struct addr *a);
/* True when an address exists whose first `bits` bits are those of `a`. */
bool reverse_any(const struct reverse *r, const struct addr *a, unsigned bits);

#endif
