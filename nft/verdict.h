/*
 * The sets and maps of the ruleset, and what the verdicts in them say. How both are spelled is in nft/names.h.
 */
#ifndef NFT_VERDICT_H
#define NFT_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Every set exists twice, once per family: its kernel name ends in 4 or 6 ("dispatch4"). Keys are in network order
 * and in the order written. FRONTEND stands for: ip daddr . meta l4proto . th dport.
 */
enum set_id {
	SET_DISPATCH,	   /* map FRONTEND → verdict: what happens to a new connection */
	SET_SOURCE_RANGES, /* map FRONTEND → verdict: a frontend of SET_RESTRICTED that is not in SET_LOCAL, client
			      allowed */
	SET_LOCAL,	   /* map FRONTEND → verdict: externalTrafficPolicy Local, connections from outside */
	SET_INTERNAL,  /* map FRONTEND → verdict: externalTrafficPolicy Local, connections from pods and the node */
	SET_ENDPOINTS, /* map FRONTEND . slot → address . port */
	SET_INTERNAL_ENDPOINTS, /* the same for the pools of SET_INTERNAL */
	SET_CLUSTER_IPS,	/* set daddr: live ClusterIPs; another port or protocol there is refused */
	SET_SERVICE_CIDRS,	/* interval set daddr: unallocated ClusterIPs are dropped when they leave */
	SET_ALLOWED_SOURCES,	/* interval set of FRONTEND and saddr, see sets.h: loadBalancerSourceRanges */
	SET_RESTRICTED,		/* set FRONTEND: those with source ranges */
	SET_AFFINITY_FRONTENDS, /* map ct original FRONTEND → jump to affinity-record-T: sessionAffinity ClientIP */
	SET_AFFINITY,		/* map saddr . FRONTEND → address . port, written by the packet path */
	SET_COUNT
	/* No range of an interval set may contain another one of the same set (and FRONTEND): the kernel refuses it. */
};

/*
 * Sizes of a pool: 1…8, then four to a doubling up to 128 (10, 12, 14, 16, 20 …), then powers of two. A connection that
 * draws an empty slot draws again, which costs a third of a translation, so sizes are close together. Each size costs a
 * rule that refers to SET_ENDPOINTS (see MAGLEV_SIZE_MIN), so their number is small.
 */
#define SLOT_MAX_SIZE 65536u
uint32_t slot_size(uint32_t count); /* the smallest one that holds `count` ≤ SLOT_MAX_SIZE slots */
/*
 * The only sizes of a Maglev pool: a factor of four apart, so that few rules refer to SET_ENDPOINTS: the kernel walks
 * them per element.
 */
#define MAGLEV_SIZE_MIN 256u
#define MAGLEV_SIZE_USUAL 16384u
#define MAGLEV_SIZE_MAX 65536u
#define MAGLEV_SIZE_STEP 4u
bool maglev_size_exists(uint32_t size);

enum verdict_kind {
	VERDICT_NONE,
	VERDICT_CLUSTER,       /* goto cluster-S: masquerade what the detector calls not local, then pick */
	VERDICT_EXTERNAL,      /* goto external-S: masquerade, then pick */
	VERDICT_PICK,	       /* goto pick-S: no masquerade */
	VERDICT_PICK_INTERNAL, /* goto pick-internal-S: no masquerade, from SET_INTERNAL_ENDPOINTS */
	VERDICT_BY_SOURCE, /* return: where the client is decides; SET_RESTRICTED, then SET_SOURCE_RANGES, SET_LOCAL,
			    * SET_INTERNAL
			    */
	VERDICT_REJECT,	   /* no endpoint anywhere: ICMP port unreachable / TCP refused */
	VERDICT_DROP,	   /* a Local policy without local endpoint */
	VERDICT_AFFINITY_RECORD /* goto affinity-record-T (SET_AFFINITY_FRONTENDS only) */
};

struct verdict {
	uint8_t kind;	    /* enum verdict_kind */
	bool affinity;	    /* look into SET_AFFINITY first */
	bool maglev;	    /* hash of the client address instead of a random number; size: MAGLEV_SIZE_… */
	uint32_t size;	    /* S: one of slot_size; for the balancing kinds */
	uint32_t timeout_s; /* T, for VERDICT_AFFINITY_RECORD */
};

#endif
