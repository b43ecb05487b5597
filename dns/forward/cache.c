/* The cache: a lock-free hash table of immutable answers and a CLOCK of them. */
#include "dns/forward/cache.h"

#include <malloc.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <time.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/random.h"
#include "dns/zone/rcu.h"

#define BYTES_PER_BUCKET 256 /* about what a small answer takes */
#define BUCKETS_MIN 64
#define POPULAR_HITS 3 /* asked so often before it expires, an answer is fetched anew */

struct entry {
	struct cds_lfht_node node;
	struct rcu_head rcu;
	TAILQ_ENTRY(entry) clock;
	size_t bytes;
	uint32_t stored_s, ttl_s;
	_Atomic bool referenced, refreshing;
	_Atomic uint16_t hits;
	bool negative;
	uint16_t key_bytes;
	struct records records; /* points into data */
	uint8_t data[];		/* TTL offsets, key, records, text of the EDE */
};

struct cache {
	struct cache_config config;
	struct cds_lfht *table;
	TAILQ_HEAD(clock, entry) clock; /* the hand stands at the head */
	uint64_t seed;
	size_t used_bytes, limit_bytes;
	struct cache_counts counts;
};

static void more(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

uint32_t cache_now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return (uint32_t)ts.tv_sec;
}

struct cache *cache_new(const struct cache_config *config)
{
	struct cache *c = mem_alloc(sizeof *c);
	unsigned long buckets = BUCKETS_MIN;

	while (buckets < config->limit_bytes / BYTES_PER_BUCKET)
		buckets *= 2;
	c->config = *config;
	c->table = mem_made(cds_lfht_new(buckets, buckets, buckets, 0, NULL));
	size_t table_bytes = buckets * sizeof(struct cds_lfht_node);
	c->limit_bytes = config->limit_bytes > table_bytes ? config->limit_bytes - table_bytes : 0;
	random_fill(&c->seed, sizeof c->seed);
	TAILQ_INIT(&c->clock);
	return c;
}

void cache_key_make(struct cache_key *key, const struct name *name, unsigned type, bool dnssec_ok,
		    bool checking_disabled)
{
	memcpy(key->bytes, name->wire, name->length);
	wire_put16(key->bytes + name->length, type);
	key->bytes[name->length + 2] = (uint8_t)(dnssec_ok | checking_disabled << 1);
	key->length = name->length + 3U;
}

/* ---- entries ---- */

static const uint8_t *entry_key(const struct entry *e)
{
	return (const uint8_t *)(e->records.ttl_at + e->records.answers + e->records.authorities +
				 e->records.additionals);
}

static int entry_matches(struct cds_lfht_node *node, const void *arg)
{
	const struct entry *e = (const struct entry *)node; /* first member */
	const struct cache_key *key = arg;

	return e->key_bytes == key->length && memcmp(entry_key(e), key->bytes, key->length) == 0;
}

static uint64_t key_hash(const struct cache *c, const struct cache_key *key)
{
	return hash_bytes(key->bytes, key->length, c->seed);
}

static struct entry *entry_find(struct cache *c, const struct cache_key *key)
{
	struct cds_lfht_iter iter;

	cds_lfht_lookup(c->table, key_hash(c, key), entry_matches, key, &iter);
	return (struct entry *)cds_lfht_iter_get_node(&iter);
}

static struct entry *entry_new(const struct cache_key *key, const struct records *from)
{
	size_t count = (size_t)from->answers + from->authorities + from->additionals;
	size_t ttl_bytes = count * sizeof *from->ttl_at;
	struct entry *e = mem_alloc(sizeof *e + ttl_bytes + key->length + from->length + from->ede_text_bytes);
	uint8_t *at = e->data;

	e->records = *from;
	e->key_bytes = (uint16_t)key->length;
	e->records.ttl_at = memcpy(at, from->ttl_at, ttl_bytes);
	at += ttl_bytes;
	memcpy(at, key->bytes, key->length);
	at += key->length;
	e->records.bytes = memcpy(at, from->bytes, from->length);
	at += from->length;
	e->records.ede_text = memcpy(at, from->ede_text, from->ede_text_bytes);
	e->bytes = malloc_usable_size(e) + sizeof(size_t);
	return e;
}

static void entry_free(struct rcu_head *head)
{
	free(caa_container_of(head, struct entry, rcu));
}

/* ---- readers ---- */

static bool hit_fill(struct entry *e, uint32_t age_s, struct cache_hit *hit)
{
	hit->records = &e->records;
	hit->age_s = age_s;
	hit->ttl_s = age_s < e->ttl_s ? e->ttl_s - age_s : 0;
	hit->refresh = false;
	if (!atomic_load_explicit(&e->referenced, memory_order_relaxed))
		atomic_store_explicit(&e->referenced, true, memory_order_relaxed);
	return true;
}

/* True for one reader of a popular answer that has a tenth of its time left. */
static bool wants_refresh(struct entry *e, uint32_t left_s)
{
	uint16_t hits = atomic_load_explicit(&e->hits, memory_order_relaxed);

	if (hits < POPULAR_HITS) /* readers that race lose a count, which is all the same */
		atomic_store_explicit(&e->hits, (uint16_t)(hits + 1), memory_order_relaxed);
	if (left_s > e->ttl_s / 10 + 1 || hits < POPULAR_HITS || e->records.rcode == RCODE_SERVFAIL)
		return false;
	return !atomic_load_explicit(&e->refreshing, memory_order_relaxed) &&
	       !atomic_exchange_explicit(&e->refreshing, true, memory_order_relaxed);
}

/* NULL: nothing fresh. */
static struct entry *find_fresh(struct cache *c, const struct cache_key *key, uint32_t now_s, struct cache_hit *hit)
{
	struct entry *e = entry_find(c, key);
	uint32_t age_s = e != NULL ? now_s - e->stored_s : 0;

	if (e == NULL || age_s >= e->ttl_s)
		return NULL;
	hit_fill(e, age_s, hit);
	return e;
}

bool cache_find_again(struct cache *c, const struct cache_key *key, uint32_t now_s, struct cache_hit *hit)
{
	return find_fresh(c, key, now_s, hit) != NULL;
}

bool cache_find(struct cache *c, const struct cache_key *key, uint32_t now_s, struct cache_hit *hit)
{
	struct entry *e = find_fresh(c, key, now_s, hit);

	if (e == NULL) {
		more(&c->counts.misses, 1);
		return false;
	}
	hit->refresh = wants_refresh(e, hit->ttl_s);
	if (hit->refresh)
		more(&c->counts.prefetches, 1);
	more(&c->counts.hits[e->negative], 1);
	return true;
}

bool cache_find_stale(struct cache *c, const struct cache_key *key, uint32_t now_s, struct cache_hit *hit)
{
	struct entry *e = entry_find(c, key);
	uint32_t age_s = e != NULL ? now_s - e->stored_s : 0;

	if (e == NULL || e->records.rcode == RCODE_SERVFAIL || age_s >= e->ttl_s + CACHE_STALE_S)
		return false;
	more(&c->counts.stale, 1);
	return hit_fill(e, age_s, hit);
}

bool cache_stale_records(struct cache *c, const struct cache_key *key, uint32_t now_s, struct records *stale)
{
	struct cache_hit hit;

	if (!cache_find_stale(c, key, now_s, &hit))
		return false;
	*stale = *hit.records;
	stale->ede = stale->rcode == RCODE_NXDOMAIN ? EDE_STALE_NXDOMAIN : EDE_STALE;
	stale->ede_text_bytes = 0;
	return true;
}

/* ---- the writer ---- */

static void unlink_entry(struct cache *c, struct entry *e)
{
	TAILQ_REMOVE(&c->clock, e, clock);
	c->used_bytes -= e->bytes;
	more(&c->counts.entries[e->negative], (uint64_t)-1);
	atomic_store_explicit(&c->counts.bytes, c->used_bytes, memory_order_relaxed);
	call_rcu(&e->rcu, entry_free);
}

static void evict(struct cache *c)
{
	struct entry *e = TAILQ_FIRST(&c->clock);

	while (atomic_exchange_explicit(&e->referenced, false, memory_order_relaxed)) {
		TAILQ_REMOVE(&c->clock, e, clock);
		TAILQ_INSERT_TAIL(&c->clock, e, clock);
		e = TAILQ_FIRST(&c->clock);
	}
	cds_lfht_del(c->table, &e->node);
	more(&c->counts.evictions[e->negative], 1);
	unlink_entry(c, e);
}

static uint32_t min_s(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* How long the answer may be kept; 0: not at all. */
static uint32_t keep_s(const struct cache *c, const struct message *m)
{
	if ((m->flags & FLAG_TC) != 0 || m->records.length > CACHE_ENTRY_BYTES_MAX)
		return 0;
	switch (m->kind) {
	case KIND_POSITIVE:
		return min_s(m->ttl_s, c->config.max_ttl_s);
	case KIND_NODATA:
	case KIND_NXDOMAIN:
		return m->soa ? min_s(m->ttl_s, c->config.max_negative_ttl_s) : 0; /* RFC 2308 5 */
	default:
		return m->rcode == RCODE_SERVFAIL ? CACHE_SERVFAIL_S : 0;
	}
}

void cache_put(struct cache *c, const struct cache_key *key, const struct message *m, uint32_t now_s)
{
	uint32_t ttl_s = keep_s(c, m);
	struct cache_hit hit;

	if (ttl_s == 0 || c->limit_bytes == 0)
		return;
	if (m->rcode == RCODE_SERVFAIL && cache_find_stale(c, key, now_s, &hit))
		return;
	struct entry *e = entry_new(key, &m->records);
	e->stored_s = now_s;
	e->ttl_s = ttl_s;
	e->negative = m->kind != KIND_POSITIVE;
	struct cds_lfht_node *old = cds_lfht_add_replace(c->table, key_hash(c, key), entry_matches, key, &e->node);
	TAILQ_INSERT_TAIL(&c->clock, e, clock);
	c->used_bytes += e->bytes;
	more(&c->counts.entries[e->negative], 1);
	if (old != NULL) {
		e->referenced = ((struct entry *)old)->referenced;
		unlink_entry(c, (struct entry *)old);
	}
	while (c->used_bytes > c->limit_bytes)
		evict(c);
	atomic_store_explicit(&c->counts.bytes, c->used_bytes, memory_order_relaxed);
}

size_t cache_flush(struct cache *c, const struct name *name)
{
	struct entry *e = TAILQ_FIRST(&c->clock), *next;
	size_t gone = 0;

	for (; e != NULL; e = next) {
		next = TAILQ_NEXT(e, clock);
		if (name != NULL &&
		    (e->key_bytes != name->length + 3U || memcmp(entry_key(e), name->wire, name->length) != 0))
			continue;
		cds_lfht_del(c->table, &e->node);
		unlink_entry(c, e);
		gone++;
	}
	return gone;
}

void cache_free(struct cache *c)
{
	if (c == NULL)
		return;
	cache_flush(c, NULL);
	rcu_barrier();
	cds_lfht_destroy(c->table, NULL);
	free(c);
}

const struct cache_counts *cache_counts(const struct cache *c)
{
	return &c->counts;
}
