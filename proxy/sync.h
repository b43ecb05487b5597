/*
 * sync: objects → services → elements → one kernel transaction → published answers, in that order. DNS shows a change
 * only after the kernel has it; nothing is written before the store is complete.
 *
 * In the common case the work is that of the services that changed. When the kernel cannot be trusted (start, a refused
 * commit) the table is read back, compared, and made right in one transaction of the differences. So it is after a
 * change by another program, but only the parts that the notifications name are read. While these changes continue,
 * repairs back off (drift.h); our own changes do not.
 * A service whose elements the kernel refuses for good does not hold back the others: see quarantine.h.
 * No timer or descriptor in here: the daemon tells the time and calls again when asked to. Main thread.
 */
#ifndef PROXY_SYNC_H
#define PROXY_SYNC_H

#include <stdbool.h>
#include <stdint.h>

#include "dns/zone/zone.h"
#include "nft/nft.h"
#include "proxy/memory_target.h"
#include "proxy/owners.h"
#include "service/node.h"
#include "proxy/ranges.h"
#include "proxy/store.h"

struct sync_config { /* all borrowed */
	struct store *store;
	struct nft *nft; /* NULL: no kernel half (--no-proxy) */
	struct zone *zone;
	const struct node *node;
	const char *table;	 /* for the log */
	const char *proxy_name;	 /* --service-proxy-name */
	bool endpoint_pod_names; /* --dns-endpoint-pod-names */
	struct ranges_config ranges;
	uint64_t max_elements;	     /* of one Service; above it the last good version stays; 0: no limit */
	struct memory_target memory; /* zero: none */
	uint64_t min_period_ms;	     /* smallest gap between two transactions */
	/* Told of each service that the kernel has now, before DNS shows it; prev or next NULL. May be NULL. */
	void (*published)(void *ctx, const struct service *prev, const struct service *next);
	/* Told at start of each frontend of the adopted table that no service has any more. May be NULL. */
	void (*gone)(void *ctx, const struct frontend_key *key);
	/* Another program may have changed the clients that the packet path remembers. May be NULL. */
	void (*clients)(void *ctx);
	void *ctx;
};

struct sync;

struct sync *sync_new(const struct sync_config *config);
void sync_free(struct sync *s); /* kernel rules and published answers stay; NULL is fine */

#define SYNC_IDLE UINT64_MAX
/*
 * Brings kernel and DNS in sync with the store. Returns in how many milliseconds it wants to be called again (a gap
 * or a back-off holds work back), or SYNC_IDLE. Called at every turn end; with nothing to do it does nothing.
 */
uint64_t sync_turn(struct sync *s, uint64_t now_ms);
/* Reads what other programs changed in the table. True: a turn is due. */
bool sync_external_changes(struct sync *s, uint64_t now_ms);
/* The rules themselves have changed (nft_set_pod_cidrs): the next sync_turn replaces the table. */
void sync_rules_changed(struct sync *s);
/* Service CIDRs or pod ranges may have changed: the next sync_turn looks. */
void sync_ranges_changed(struct sync *s);
/* Who owns which address; borrowed, read only. */
const struct owners *sync_owners(const struct sync *s);

enum sync_start { START_NONE, START_LOADED, START_ADOPTED };

struct sync_stats {
	bool done;    /* the first full sync is in the kernel and published */
	bool in_sync; /* nothing known is waiting for the kernel */
	enum sync_start start;
	size_t start_operations; /* elements loaded, or differences sent to an adopted table */
	int64_t last_wall_ms;	 /* end of the last sync that changed something */
	uint64_t last_us;	 /* how long it took */
	size_t last_operations;
	uint64_t syncs, operations, refused, repairs;
	uint64_t full;	    /* syncs that loaded the whole table or compared with it; the others sent what they knew */
	size_t quarantined; /* services at their last good version because the kernel refuses the newest (quarantine.h)
			     */
};
const struct sync_stats *sync_stats(const struct sync *s);

#endif
