/*
 * A range that addresses or ports are allocated from, with Kubernetes' two bands: what is allocated comes from the
 * upper one first, so that what people write by hand from the lower one is rarely taken (KEP-3070, KEP-3668). Pure; any
 * thread.
 */
#ifndef WATCH_LAB_RANGE_H
#define WATCH_LAB_RANGE_H

#include "base/addr.h"

#define RANGE_ADDRESSES_MAX (UINT32_C(1) << 20) /* of a larger one the first are used */

struct range {
	struct addr base; /* family 0: of ports */
	uint32_t first;	  /* of what may be allocated: offset from base; of ports the port itself */
	uint32_t count;	  /* 0: none */
	uint32_t lower;	  /* how many of them are the lower band */
};

/* A service range: without its first address, and without the last one of IPv4. */
struct range range_services(const struct cidr *c);
struct range range_pool(const struct cidr *c); /* all of its addresses; one band */
struct range range_ports(uint16_t first, uint16_t last);

/* The place of an address in the range, 0…count-1; UINT32_MAX: not in it, or not to be allocated. */
uint32_t range_find(const struct range *r, const struct addr *a);
struct addr range_address(const struct range *r, uint32_t place);

/*
 * The first free place: from one that the hash chooses to the end of the upper band, round to its start, and then the
 * lower band in the same way. UINT32_MAX: none is free.
 */
uint32_t range_pick(const struct range *r, uint64_t hash, bool (*is_free)(void *ctx, uint32_t place), void *ctx);

#endif
