/*
 * Names of the kernel's sets and chains: the one place that knows how a set_id or a verdict is spelled in
 * `nft list ruleset`, and back. Pure; any thread.
 *
 * Sets:   <set><4|6>                                          dispatch4, cluster-ips6
 * Chains: <kind><4|6>[-affinity][-maglev]-<S>                   cluster4-8, pick-internal6-affinity-1
 *         affinity-record<4|6>-<seconds>, refuse
 */
#ifndef NFT_NAMES_H
#define NFT_NAMES_H

#include <stdbool.h>
#include <sys/socket.h>

#include "nft/verdict.h"

#define NAME_BYTES 48

/* Returns name. family: AF_INET or AF_INET6. */
const char *names_set(enum set_id set, int family, char name[NAME_BYTES]);
bool names_set_parse(const char *name, enum set_id *set, int *family);

/* The chain that the verdict goes to; "" for VERDICT_NONE, _BY_SOURCE and _DROP, which have none. Returns name. */
const char *names_chain(const struct verdict *v, int family, char name[NAME_BYTES]);
/* False when the name is none of ours. Chains that no element can point at (base chains …) are none of ours here. */
bool names_chain_parse(const char *name, struct verdict *v, int *family);

/* The kinds that balance over S slots. */
static inline bool names_balances(enum verdict_kind kind)
{
	return kind == VERDICT_CLUSTER || kind == VERDICT_EXTERNAL || kind == VERDICT_PICK ||
	       kind == VERDICT_PICK_INTERNAL;
}

#endif
