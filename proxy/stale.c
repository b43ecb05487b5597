/* Clean-up after a commit: when to look for stale conntrack and affinity entries, and at what. */
#include "proxy/stale.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "proxy/stale_affinity.h"
#include "proxy/stale_thread.h"

#define RETRY_LAST_MS 30000u
#define AFFINITY_WAIT_MS 1000u /* flows wait for a look at the affinity at most */
#define NEVER UINT64_MAX
#define TURN_FRONTENDS 4096u /* into a pass: 6 ms */

struct stale {
	struct stale_config parts;
	struct stale_affinity affinity;
	struct stale_thread *thread;	  /* NULL: conntrack is left alone */
	struct frontend_set changed;	  /* to look at */
	struct stale_pass *pass;	  /* that is made; NULL: none */
	struct frontend_set adding;	  /* frontends of it… */
	size_t added_to;		  /* …and how far they are in it */
	uint64_t look_ms;		  /* at `changed`; 0: no turn has seen it yet */
	bool started;			  /* the first services are published */
	struct reversed_flows reversed;	  /* empty while a pass is under way: it is there */
	struct removed_endpoints removed; /* stays empty without --reset-removed-tcp */
	uint64_t earliest_ms;		  /* of the next pass */
	uint64_t retry_ms;		  /* back-off after a pass that failed; 0: the last one went well */
	uint64_t waits_ms;		  /* since when flows wait for the affinity; 0: they do not */
	struct stale_stats stats;
};

struct stale *stale_new(const struct stale_config *config)
{
	struct stale *f = mem_alloc(sizeof *f);

	f->parts = *config;
	f->affinity = (struct stale_affinity){.nft = config->nft, .owners = config->owners};
	f->removed.grace_ms = config->grace_ms;
	if (config->conntrack != NULL)
		f->thread = stale_thread_start(config->conntrack, config->wake, config->ctx);
	return f;
}

void stale_free(struct stale *f)
{
	if (f == NULL)
		return;
	stale_thread_stop(f->thread);
	stale_affinity_fini(&f->affinity);
	frontend_set_fini(&f->changed);
	frontend_set_fini(&f->adding);
	stale_pass_free(f->pass);
	reversed_flows_fini(&f->reversed);
	removed_endpoints_fini(&f->removed);
	free(f);
}

struct stale_stats stale_stats(const struct stale *f)
{
	struct stale_stats stats = f->stats;

	stats.affinity_deleted = f->affinity.deleted;
	stats.failures += f->affinity.failures;
	return stats;
}

/* ---- what happened ---- */

static void add_changed(void *ctx, const struct frontend_key *key)
{
	struct stale *f = ctx;

	frontend_set_add(&f->changed, key);
}

/* Of TCP only where an option asks. */
static void add_left(void *ctx, const struct frontend_key *key)
{
	struct stale *f = ctx;

	if (f->thread != NULL && (key->proto != IPPROTO_TCP || f->parts.reset_removed_tcp))
		frontend_set_add(&f->changed, key);
}

void stale_gone(struct stale *f, const struct frontend_key *key)
{
	add_left(f, key);
}

void stale_clients(struct stale *f)
{
	stale_affinity_ask(&f->affinity);
}

static void note_departures(struct stale *f, const struct service *prev, const struct service *next)
{
	const uint64_t now_ms = clock_ms();

	if (!f->started)
		removed_endpoints_start(&f->removed, now_ms);
	f->started = true;
	removed_endpoints_note(&f->removed, prev, next, now_ms);
}

/* A service without prev may have been known before this process, or its frontends may have been another's. */
void stale_published(struct stale *f, const struct service *prev, const struct service *next)
{
	if (f->thread != NULL)
		staleflows_changed(prev, next, f->parts.reset_removed_tcp, add_changed, f);
	if (f->thread != NULL && f->parts.reset_removed_tcp)
		note_departures(f, prev, next);
	stale_affinity_published(&f->affinity, prev, next);
}

/* ---- a pass begins ---- */

static void add_frontends(const struct stale *f, struct stale_pass *p, const struct frontend_set *set)
{
	const struct frontend_key *key;
	size_t at = 0;

	while ((key = map_next(&set->keys, &at)) != NULL)
		stale_pass_add(p, f->parts.owners, key);
}

/* A Service may have 100 000, of which others must not wait. False: there are more. */
static bool add_some(struct stale *f)
{
	const struct frontend_key *key;

	for (unsigned i = 0; i < TURN_FRONTENDS; i++) {
		key = map_next(&f->adding.keys, &f->added_to);
		if (key == NULL)
			return true;
		stale_pass_add(f->pass, f->parts.owners, key);
	}
	return false;
}

static void add_removed(const struct stale *f, struct stale_pass *p)
{
	p->cut = f->removed.next_ms != 0 && f->removed.next_ms <= p->now_ms;
	if (!p->cut)
		return;
	removed_endpoints_due(&f->removed, p->now_ms, &p->due);
	add_frontends(f, p, &f->removed.frontends);
}

static void add_reversed(struct stale *f, struct stale_pass *p)
{
	const bool due = reversed_flows_due(&f->reversed, p->now_ms);

	p->reversed = f->reversed;
	f->reversed = (struct reversed_flows){0};
	if (due)
		stale_pass_add_reversed(p);
}

static void pass_begin(struct stale *f)
{
	f->pass = mem_alloc(sizeof *f->pass);
	f->adding = f->changed;
	f->added_to = 0;
	f->changed = (struct frontend_set){0};
	f->look_ms = 0;
}

/* False: it goes on at the next turn. */
static bool pass_make(struct stale *f, uint64_t now_ms)
{
	struct stale_pass *p = f->pass;

	if (!add_some(f))
		return false;
	p->now_ms = now_ms;
	add_removed(f, p);
	add_reversed(f, p);
	frontend_set_fini(&f->adding);
	f->pass = NULL;
	stale_thread_give(f->thread, p);
	return true;
}

/* ---- a pass is over ---- */

/* What stays may live on: each packet of a flow renews its entry. So it is tried again; told once. */
static void pass_failed(struct stale *f, const struct stale_pass *p)
{
	const struct stale_frontend *frontend;
	size_t at = 0;

	f->stats.failures++;
	if (f->retry_ms == 0)
		log_warn("conntrack: stale entries could not be removed, trying again: %s", strerror(-p->error));
	f->retry_ms = f->retry_ms == 0 ? STALE_GAP_MS : f->retry_ms * 2;
	if (f->retry_ms > RETRY_LAST_MS)
		f->retry_ms = RETRY_LAST_MS;
	while ((frontend = map_next(&p->snapshot.frontends, &at)) != NULL)
		if (p->looks[stale_protocol(frontend->key.proto)][frontend->key.addr.family == AF_INET6].wanted)
			frontend_set_add(&f->changed, &frontend->key);
}

static void pass_succeeded(struct stale *f, const struct stale_pass *p)
{
	f->stats.sweeps++;
	f->stats.last_us = p->took_us;
	f->retry_ms = 0;
	if (p->cut)
		removed_endpoints_done(&f->removed, p->now_ms);
	reversed_flows_looked(&f->reversed, p->now_ms);
}

static uint64_t rest_ms(const struct stale *f, const struct stale_pass *p)
{
	uint64_t ms = p->cpu_ns * STALE_REST / 1000000;

	ms = ms > STALE_GAP_MS ? ms : STALE_GAP_MS;
	return ms > f->retry_ms ? ms : f->retry_ms;
}

static void pass_collect(struct stale *f, uint64_t now_ms)
{
	struct stale_pass *p = f->thread != NULL ? stale_thread_take(f->thread) : NULL;

	if (p == NULL)
		return;
	f->reversed = p->reversed;
	p->reversed = (struct reversed_flows){0};
	f->stats.flows_deleted[0] += p->deleted[0];
	f->stats.flows_deleted[1] += p->deleted[1];
	if (p->error != 0)
		pass_failed(f, p);
	else
		pass_succeeded(f, p);
	f->earliest_ms = now_ms + rest_ms(f, p);
	stale_pass_free(p);
}

/* ---- when ---- */

static uint64_t earlier(uint64_t a_ms, uint64_t b_ms)
{
	return a_ms < b_ms ? a_ms : b_ms;
}

/* Without a change: the next TCP reset or the next look for reversed flows. */
static uint64_t due_ms(const struct stale *f)
{
	uint64_t at_ms = map_count(&f->changed.keys) != 0 ? f->look_ms : NEVER;

	at_ms = earlier(at_ms, f->removed.next_ms != 0 ? f->removed.next_ms : NEVER);
	at_ms = earlier(at_ms, f->reversed.next_ms != 0 ? f->reversed.next_ms : NEVER);
	return at_ms > f->earliest_ms ? at_ms : f->earliest_ms;
}

/* The thread wakes us when it is done. */
static uint64_t flows_turn(struct stale *f, uint64_t now_ms)
{
	if (f->thread == NULL || stale_thread_is_busy(f->thread))
		return NEVER;
	if (map_count(&f->changed.keys) != 0 && f->look_ms == 0)
		f->look_ms = now_ms + STALE_COALESCE_MS;
	const uint64_t at_ms = f->pass != NULL ? now_ms : due_ms(f);
	if (at_ms == NEVER)
		return NEVER;
	if (at_ms > now_ms)
		return at_ms - now_ms;
	if (f->pass == NULL)
		pass_begin(f);
	return pass_make(f, now_ms) ? NEVER : 0;
}

/*
 * Affinity first: a flow that loses its entry is balanced anew, and would be sent where the affinity says. When that
 * cannot be read, or rests after a long look, flows do not wait for it: what it finds later is looked at again.
 */
static uint64_t affinity_wait(struct stale *f, uint64_t now_ms)
{
	if (!stale_affinity_is_due(&f->affinity)) {
		f->waits_ms = 0;
		return 0;
	}
	if (f->waits_ms == 0)
		f->waits_ms = now_ms;
	return now_ms < f->waits_ms + AFFINITY_WAIT_MS ? f->waits_ms + AFFINITY_WAIT_MS - now_ms : 0;
}

uint64_t stale_turn(struct stale *f, uint64_t now_ms)
{
	pass_collect(f, now_ms);
	const uint64_t affinity_ms = stale_affinity_turn(&f->affinity, now_ms, add_left, f);
	const uint64_t wait_ms = affinity_wait(f, now_ms);
	return earlier(affinity_ms, wait_ms != 0 ? wait_ms : flows_turn(f, now_ms));
}
