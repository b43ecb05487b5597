/*
 * What upstreams said, bounded in bytes. The forwarder's thread alone writes; workers read as RCU readers (online
 * threads, dns/zone/rcu.h) and never wait. Entries are immutable but for their use marks. Eviction is CLOCK: a turn
 * of the hand spares what was asked for since the last one. Names of the own zones never get here.
 *
 * The key holds type, DO and CD: an answer for one client's DNSSEC flags is never another's (RFC 4035 4.7). Times are
 * seconds of cache_now_s, one clock for all. Expired entries stay until they are evicted or STALE_S old, to be served
 * when upstreams fail (RFC 8767).
 */
#ifndef DNS_FORWARD_CACHE_H
#define DNS_FORWARD_CACHE_H

#include <stdatomic.h>

#include "dns/forward/message.h"

#define CACHE_STALE_S 86400	    /* RFC 8767 5: at most one to three days */
#define CACHE_STALE_TTL_S 30	    /* TTL of a stale answer (RFC 8767 4) */
#define CACHE_SERVFAIL_S 5	    /* RFC 2308 7.1 allows 300 */
#define CACHE_ENTRY_BYTES_MAX 16384 /* larger answers are passed on, not kept */

struct cache_config {
	size_t limit_bytes; /* 0: nothing is kept */
	uint32_t max_ttl_s, max_negative_ttl_s;
};

struct cache_key {
	uint8_t bytes[NAME_BYTES + 3];
	size_t length;
};

/* Counters: written by the forwarder, or added to by readers; read by any thread. */
struct cache_counts {
	_Atomic uint64_t hits[2], misses, stale, prefetches; /* pairs: positive, denial */
	_Atomic uint64_t entries[2], evictions[2], bytes;
};

struct cache_hit {
	const struct records *records; /* valid until the reader's next quiescent state */
	uint32_t age_s, ttl_s;	       /* of the whole answer; 0: stale */
	bool refresh; /* popular and about to expire: the caller asks for it again, and only this one */
};

struct cache;

struct cache *cache_new(const struct cache_config *config);
/* After all readers have gone; the calling thread is a writer (rcu_writer_begin). NULL is fine. */
void cache_free(struct cache *c);

uint32_t cache_now_s(void);
void cache_key_make(struct cache_key *key, const struct name *name, unsigned type, bool dnssec_ok,
		    bool checking_disabled);

/* RCU reader. False: nothing fresh (counted as a miss). */
bool cache_find(struct cache *c, const struct cache_key *key, uint32_t now_s, struct cache_hit *hit);
/* The same for a query that has been counted as a miss: counts nothing. */
bool cache_find_again(struct cache *c, const struct cache_key *key, uint32_t now_s, struct cache_hit *hit);
/* The same for an expired answer that may still be served. RCU reader. */
bool cache_find_stale(struct cache *c, const struct cache_key *key, uint32_t now_s, struct cache_hit *hit);
/* The same, as it is sent: with the extended error that tells so (RFC 8914). Borrowed as hit.records. */
bool cache_stale_records(struct cache *c, const struct cache_key *key, uint32_t now_s, struct records *stale);

/* ---- the writer ---- */

/* Keeps the answer if it may be kept; a failure never replaces an answer that could be served stale. */
void cache_put(struct cache *c, const struct cache_key *key, const struct message *m, uint32_t now_s);
/* Forgets `name` in all its types, or everything when NULL. Returns how many entries went. */
size_t cache_flush(struct cache *c, const struct name *name);

const struct cache_counts *cache_counts(const struct cache *c);

#endif
