/*
 * Names with fixed addresses, beside the Services: of a hosts file, and of the zone for the local network. A list is
 * built by one thread, then immutable: a change is a new list. Lookups are binary searches, without allocation.
 */
#ifndef DNS_ZONE_STATIC_NAMES_H
#define DNS_ZONE_STATIC_NAMES_H

#include "base/addr.h"
#include "dns/wire/name.h"

struct static_names;

struct static_address {
	const uint8_t *key; /* the labels of the name from right to left, each with its length */
	uint8_t key_bytes;
	bool reverse;	/* the name may be that of the address */
	uint32_t order; /* as added */
	struct addr addr;
};

/* What a name has; count may be 0. */
struct static_found {
	const struct static_address *items; /* as added */
	size_t count;
};

struct static_names *static_names_new(void);
/* name is not the root. An address that it has already changes nothing. reverse: the address may have this name. */
void static_names_add(struct static_names *s, const struct name *name, const struct addr *a, bool reverse);
/* Once, after the last addition and before the first question. */
void static_names_sort(struct static_names *s);
void static_names_free(void *names);			 /* NULL is fine */
size_t static_names_count(const struct static_names *s); /* pairs of name and address */

/* False: neither the name nor one below it is there. True with count 0: only names below it (RFC 8020). */
bool static_names_find(const struct static_names *s, const struct name *name, struct static_found *found);
/* The name that was first added with this address. False: none; the unspecified addresses have none. */
bool static_names_of(const struct static_names *s, const struct addr *a, struct name *name);

#endif
