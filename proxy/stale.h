/*
 * What must follow a commit because the packet path remembers: connection tracking entries and affinity entries that
 * lead where their frontend no longer does (reference A.7). Told of every published service, it looks only when a
 * change can have left something behind (a few seconds on again where UDP answers may have been under way, see
 * reversed_flows), and at conntrack not more often than every STALE_GAP_MS: it can be large. Main thread.
 */
#ifndef PROXY_STALE_H
#define PROXY_STALE_H

#include <stdbool.h>
#include <stdint.h>

#include "netlink/conntrack.h"
#include "nft/nft.h"
#include "proxy/owners.h"

#define STALE_GAP_MS 200u

struct stale_config { /* borrowed; NULL: that table is left alone */
	struct conntrack *conntrack;
	struct nft *nft;
	const struct owners *owners;
	bool reset_removed_tcp; /* cut TCP connections to endpoints that left… */
	uint64_t grace_ms;	/* …this long ago */
};

struct stale_stats {
	uint64_t sweeps, affinity_deleted; /* sweeps: of conntrack */
	uint64_t flows_deleted[2];	   /* IPv4, IPv6 */
	uint64_t failures;		   /* sweeps that the kernel refused */
	uint64_t last_us;		   /* how long the last of them took */
};

struct stale;

struct stale *stale_new(const struct stale_config *config);
void stale_free(struct stale *f); /* NULL is fine */

/* The kernel has this service now; prev or next NULL. Nothing of them is kept. */
void stale_published(struct stale *f, const struct service *prev, const struct service *next);
/* An adopted table had this frontend, and no service has it now. */
void stale_gone(struct stale *f, const struct frontend_key *key);
/* Another program changed the affinity entries: those that are wrong there are to go. */
void stale_clients(struct stale *f);
/* After the turn. Returns in how many milliseconds it wants to be called again, or UINT64_MAX. */
uint64_t stale_turn(struct stale *f, uint64_t now_ms);
const struct stale_stats *stale_stats(const struct stale *f);

#endif
