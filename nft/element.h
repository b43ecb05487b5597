/*
 * Elements: the keys and values of the kernel's maps and sets that services ask for. Plain values; nft/ turns them
 * into netlink, proxy/elements.c makes them from compiled services. The ruleset they live in is in nft/ruleset.h.
 */
#ifndef NFT_ELEMENT_H
#define NFT_ELEMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "nft/verdict.h"

struct element {
	uint8_t set; /* enum set_id */
	uint8_t proto;
	uint16_t port;	   /* host order, as all ports and slots here */
	struct addr daddr; /* also tells the family; for the interval sets see `range` */
	uint32_t slot;	   /* SET_ENDPOINTS, SET_INTERNAL_ENDPOINTS */
	struct cidr
		range; /* interval sets: the whole key, or the saddr part of SET_ALLOWED_SOURCES; SET_AFFINITY: saddr */
	struct verdict verdict;
	struct addr to; /* SET_ENDPOINTS, SET_INTERNAL_ENDPOINTS, SET_AFFINITY */
	uint16_t to_port;
	uint64_t packets, bytes; /* counter of the element: read in a dump; in an add, the value to start with */
};

int element_family(const struct element *e); /* AF_INET or AF_INET6 */
/* Set and family as one number below SET_COUNT * 2, in the order of element_compare. */
unsigned element_kind(const struct element *e);
/* Same set and same key, whatever the value. */
bool element_same_key(const struct element *a, const struct element *b);
/* Same key and same value; counters do not count. */
bool element_equal(const struct element *a, const struct element *b);
/* Total order: set, family, key, then value; for sort-and-compare. */
int element_compare(const struct element *a, const struct element *b);

#define ELEMENT_TEXT_BYTES 320
/* One line as `nft` would write it: "dispatch4 { 10.96.0.1 . tcp . 443 : goto cluster4-2 }". Returns text. */
const char *element_format(const struct element *e, char text[ELEMENT_TEXT_BYTES]);

#endif
