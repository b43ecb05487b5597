/* Private to sync: its state and its steps, each in a file of its own. Main thread. */
#ifndef PROXY_SYNC_PRIVATE_H
#define PROXY_SYNC_PRIVATE_H

#include "base/mem.h"
#include "proxy/adopt.h"
#include "proxy/changes.h"
#include "proxy/drift.h"
#include "proxy/quarantine.h"
#include "proxy/sync.h"
#include "service/slot_restore.h"

/*
 * What the next turn does for a service whose changes are sent in parts: each step takes about as long as a part.
 * LARGE_COMPARE and LARGE_SEND take turns until all its frontends are in the kernel.
 */
enum large_step { LARGE_OWN, LARGE_COMPARE, LARGE_SEND, LARGE_PUBLISH };

struct large {
	struct store_service *service; /* NULL: none. Its `next` is pending, but not in sync.pending */
	enum large_step step;
	struct changes *changes; /* from LARGE_COMPARE on */
	struct nft_parts *parts; /* of LARGE_SEND */
	bool last;		 /* no frontend is left to compare */
	size_t operations;
	uint64_t start_ns;
};

struct sync {
	struct sync_config deps;
	struct arena *scratch;
	struct owners *owners;
	struct changes *changes;	/* element differences of this turn */
	struct image image;		/* of a turn that reads the table back */
	struct slot_restore *restore;	/* which slots an adopted table has its endpoints in; first turn only */
	struct element_list ranges;	/* in the kernel, or on their way */
	struct store_service **pending; /* with a `next` that is not published */
	size_t pending_count, pending_room;
	struct large large;
	bool large_waits;			   /* this turn was of other Services; the next one is of both */
	const struct store_service *large_suspect; /* the kernel refused its last attempt; compared, never read */
	size_t operations;			   /* of this turn */
	bool loaded;				   /* the last commit loaded the table */
	bool ranges_stale;
	struct table_parts
		must_read_back; /* where the kernel cannot be trusted: start, external change, refused commit */
	uint64_t now_ms;	/* of this turn */
	uint64_t earliest_ms;	/* of the next transaction */
	uint64_t retry_ms;	/* back-off after a refused commit; 0: the last one went well */
	struct drift drift;
	struct quarantine quarantine;
	struct sync_stats stats;
};

/* The newest compiled version, in the kernel or on its way there. */
static inline const struct service *sync_newest(const struct store_service *service)
{
	return service->pending ? service->next : service->current;
}

/* At start and after a refused commit. Then differences to what we know need not be collected. */
static inline bool sync_reads_all(const struct sync *s)
{
	return s->must_read_back.rules && s->must_read_back.sets == TABLE_SETS_ALL;
}

/* sync_compile.c: objects → services */
bool sync_compile(struct sync *s); /* false: there was nothing to do, but for large services */
struct compile_input sync_compile_input(const struct sync *s, const struct store_service *service);
/* False: there is no next version to send: it is quarantined, or there was none before, too. */
bool sync_compile_next(struct sync *s, struct store_service *service, struct service **next);
void sync_add_pending(struct sync *s, struct store_service *service);
void sync_reverse_ranges(struct sync *s); /* service and pod ranges: DNS answers for all reverse names in there */
/*
 * Back to the version that the kernel has: what the service's objects ask for now is not asked for. When it is that
 * version which is refused, nothing is.
 */
void sync_revert(struct sync *s, struct store_service *service);

/* sync_kernel.c: services → elements → transaction */
int sync_read_back(struct sync *s); /* when it must; 0 or -errno */
void sync_diff(struct sync *s);
/* What services changed, into the transaction; returns the number of operations. */
size_t sync_flush(struct sync *s, struct changes *changes);
int sync_commit(struct sync *s); /* 0, or -errno: then the kernel is as it was */

/* sync_large.c: one step of a large service, which is compiled when there is none under way. 0, or -errno. */
int sync_large(struct sync *s, uint64_t now_ms);
bool sync_is_heavy(const struct sync *s, struct store_service *service);
/* The change of another Service (either version may be NULL) must wait for the one under way. */
bool sync_touches_large(const struct sync *s, const struct service *prev, const struct service *next);
/* Back to the version that was published; the table must be read back. again: it is compiled again later. */
void sync_large_abandon(struct sync *s, bool again);

/* sync_refused.c: nothing is published. Returns in how many milliseconds to try again. */
uint64_t sync_refused(struct sync *s, uint64_t now_ms);
uint64_t sync_refused_large(struct sync *s, uint64_t now_ms);

/* sync_publish.c: to DNS and to those who must know; what was done is counted and logged */
void sync_publish(struct sync *s, uint64_t now_ms, uint64_t took_us);

#endif
