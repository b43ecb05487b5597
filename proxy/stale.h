/*
 * Clean-up after a commit: conntrack and affinity entries that still point to removed endpoints (kube-proxy:
 * pkg/proxy/conntrack). It sees every published service and reads conntrack only when a change can have left such
 * entries. Where UDP answers may have been under way it reads again a few seconds later (reversed_flows.h).
 *
 * Conntrack is read in a thread of its own, for the frontends, protocols and families that changes concern. Changes
 * of STALE_COALESCE_MS go together, and so do those that come while the thread works or rests: it rests for 54 times
 * the CPU time that a look took, so that looks take 2 % of a core whatever the table's size, and STALE_GAP_MS at least.
 * Main thread.
 */
#ifndef PROXY_STALE_H
#define PROXY_STALE_H

#include <stdbool.h>
#include <stdint.h>

#include "netlink/conntrack.h"
#include "nft/nft.h"
#include "proxy/owners.h"

#define STALE_COALESCE_MS 20u
#define STALE_GAP_MS 200u
#define STALE_REST 54u /* times the CPU time of a look */

struct stale_config { /* borrowed, but for conntrack, which becomes its own; NULL: that table is left alone */
	struct conntrack *conntrack;
	struct nft *nft;
	const struct owners *owners;
	bool reset_removed_tcp; /* cut TCP connections to endpoints that left… */
	uint64_t grace_ms;	/* …this long ago */
	/* Called in another thread: makes the main thread call stale_turn. Not after stale_free. */
	void (*wake)(void *ctx);
	void *ctx;
};

struct stale_stats {
	uint64_t sweeps, affinity_deleted; /* sweeps: of conntrack */
	uint64_t flows_deleted[2];	   /* IPv4, IPv6 */
	uint64_t failures;		   /* sweeps that the kernel refused */
	uint64_t last_us;		   /* how long the last of them took */
};

struct stale;

struct stale *stale_new(const struct stale_config *config);
void stale_free(struct stale *f); /* within STALE_STOP_MS (stale_thread.h); NULL is fine */

/* The kernel has this service now; prev or next NULL. Nothing of them is kept. */
void stale_published(struct stale *f, const struct service *prev, const struct service *next);
/* An adopted table had this frontend, and no service has it now. */
void stale_gone(struct stale *f, const struct frontend_key *key);
/* Another program changed the affinity entries: those that are wrong there are to go. */
void stale_clients(struct stale *f);
/* After the turn, and when woken. Returns in how many milliseconds it wants to be called again, or UINT64_MAX. */
uint64_t stale_turn(struct stale *f, uint64_t now_ms);
struct stale_stats stale_stats(const struct stale *f);

#endif
