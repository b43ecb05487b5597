/*
 * The sets and maps of the ruleset: their key and value types, flags and kernel objects. Pure but for building
 * libnftnl objects. Main thread.
 */
#ifndef NFT_SETS_H
#define NFT_SETS_H

#include <stdbool.h>
#include <stdint.h>

#include "nft/element.h"

struct nftnl_set;
struct ruleset;
struct ruleset_config;

enum sets_value { VALUE_NONE, VALUE_VERDICT, VALUE_ADDR_PORT };

#define FIELD_BYTES 4 /* of a concatenated key; shorter ones are padded */

/* What a set's elements look like. */
struct sets_shape {
	bool saddr_first; /* SET_AFFINITY: the client stands before the frontend */
	bool daddr;
	bool proto_port;
	bool slot;
	bool range;	  /* a prefix, alone or behind a frontend: SET_ALLOWED_SOURCES */
	bool counted;	  /* carries a counter when the ruleset has counters */
	bool packet_path; /* the packet path writes it; elements expire */
	enum sets_value value;
};

const struct sets_shape *sets_shape(enum set_id set);
/*
 * The keys of SET_ALLOWED_SOURCES are made for the kernel's search (sets.c says how):
 * IPv4: daddr . l4proto . dport . saddr . nfproto, which is always the same; IPv6: daddr . saddr . dport . l4proto
 */
bool sets_ends_in_family(enum set_id set, int family);
bool sets_saddr_second(enum set_id set, int family);
uint32_t sets_key_bytes(enum set_id set, int family);
uint32_t sets_value_bytes(enum set_id set, int family); /* 0 for sets and verdict maps */

/* Adds a set of addresses, for rules beside the ruleset. flags: NFT_SET_…. */
void sets_build_addresses(const char *table, const char *name, int family, uint32_t flags, struct ruleset *out);
/* Adds all sets in both families, and the set of equal byte pairs, to out. */
void sets_build(const struct ruleset_config *s, const char *table, struct ruleset *out);

#endif
