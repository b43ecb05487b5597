/*
 * Services whose newest version is not programmed: they ask for too much (budget.h), there is no memory for it
 * (memory_target.h), or the kernel refuses it for good. One element that it will not take must not hold back all
 * others: the service it belongs to stays at its last good version, and tried again when its objects change, or after a
 * long time. That is decided only when two refusals in a row name the same service, the second after the kernel was
 * read back: one refusal may be a race with another program.
 *
 * A version may turn out bad after it was published: what a service asks for under an address that another one owns
 * is sent when that one leaves. There is no good version then, and the service is withdrawn; that takes more refusals.
 * Main thread.
 */
#ifndef PROXY_QUARANTINE_H
#define PROXY_QUARANTINE_H

#include "nft/nft.h"
#include "proxy/adopt.h"
#include "proxy/memory_target.h"
#include "proxy/owners.h"
#include "proxy/store.h"
#include "service/budget.h"

#define QUARANTINE_RETRY_MS 600000u
#define QUARANTINE_MEMORY_RETRY_MS 5000u   /* memory may be free again at any time */
#define QUARANTINE_REJECTED_PAUSE_MS 5000u /* between tries of rejected Services that have changed, of all of them */
#define QUARANTINE_AFTER 2		   /* refusals in a row */
#define QUARANTINE_AFTER_PUBLISHED \
	6 /* the same, of a version that the kernel seemed to have: 3 s with sync's back-off */

#define QUARANTINE_NAMESPACES 256 /* more share places: nothing grows with their number */

struct quarantine {		   /* zero = none, and no limits */
	uint64_t max_elements;	   /* of one Service; 0: no limit */
	uint64_t ranges, verdicts; /* of all Services that have more than a few; see quarantine.c */
	uint64_t all_ranges;	   /* of all Services */
	uint64_t few[BUDGET_SHARED][QUARANTINE_NAMESPACES]; /* of those that do not count, by namespace */
	struct memory_target memory;
	const struct image *adopted; /* at start, what the kernel has of all Services; borrowed; NULL: we know */
	size_t count;
	const struct store_service *suspect; /* of the last refusal; compared, never read */
	unsigned times;			     /* how many refusals in a row named it */
	uint64_t retry_at_ms;		     /* of all; counts while there are some; a further one does not move it */
	size_t short_count;		     /* how many lack memory */
	uint64_t short_retry_at_ms;
	uint32_t rejections;
	size_t waiting_count;		  /* rejected ones that are to be tried, one at a time… */
	const struct store_service *next; /* …this one first; compared, never read… */
	uint64_t rejected_again_ms;	  /* …not before */
};

/* After a refusal, which the caller answers by reading the kernel back: the service to hold, or NULL. */
struct store_service *quarantine_culprit(struct quarantine *h, const struct nft *nft, const struct owners *owners,
					 const struct store *store);
/* The kernel's last word on its newest version, which is not to be tried again soon. */
void quarantine_rejected(struct quarantine *h, struct store_service *service, const char *error, uint64_t now_ms);
/*
 * Whether its newest version may be compiled: it asks for no more than max_elements, and there is memory for it.
 * False: it is quarantined.
 */
bool quarantine_admit(struct quarantine *h, struct store_service *service, const struct compile_input *in,
		      struct arena *scratch, uint64_t now_ms);
/* What its newest version asks for; admitting notes it. */
void quarantine_take(struct quarantine *h, struct store_service *service, const struct budget_counts *asks);
/* It is at its published version again: what the newest had more is free for others. */
void quarantine_give_back(struct quarantine *h, struct store_service *service);
/* Its newest version is in the kernel, or it is gone. */
void quarantine_release(struct quarantine *h, struct store_service *service);

/* Marks the quarantined services when it is time to try them again. */
void quarantine_turn(struct quarantine *h, struct store *store, uint64_t now_ms);
/* In how many milliseconds that is; UINT64_MAX: never. */
uint64_t quarantine_wait(const struct quarantine *h, uint64_t now_ms);

#endif
