/* What the rules of our table depend on: plain values. */
#ifndef NFT_RULESET_CONFIG_H
#define NFT_RULESET_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/addr.h"

/* Whose connections to ClusterIPs are not masqueraded; all of them are not with DETECT_NONE. */
enum detector { DETECT_NONE, DETECT_POD_CIDRS, DETECT_INTERFACE, DETECT_INTERFACE_PREFIX };
#define RULESET_CIDRS_MAX 32u
#define NFT_TABLE_BYTES_MAX 48 /* of a table's name: names are made of it */

/* What the rules depend on. Equal rulesets give equal rules: a digest of it is kept in the kernel (table user data).
 */
struct ruleset_config {
	const char *table;	 /* name, family inet */
	unsigned masquerade_bit; /* 0…31 */
	bool masquerade_all;
	enum detector detector;
	const struct cidr *pod_cidrs; /* DETECT_POD_CIDRS; a family without any has DETECT_NONE */
	size_t pod_cidr_count;	      /* at most RULESET_CIDRS_MAX */
	/*
	 * Connections between two addresses of one of these are masqueraded: the endpoint would answer the client
	 * itself, past this host. For gateways that are not told what is local.
	 */
	const struct cidr *networks;
	size_t network_count;  /* at most RULESET_CIDRS_MAX */
	const char *interface; /* DETECT_INTERFACE: name; DETECT_INTERFACE_PREFIX: prefix */
	bool counters;	       /* counters on dispatch and endpoint elements */
};

#endif
