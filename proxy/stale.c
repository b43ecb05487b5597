#include "proxy/stale.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "proxy/removed_endpoints.h"
#include "proxy/elements.h"
#include "proxy/stale_flows.h"
#include "proxy/reversed_flows.h"

enum protocol_bit { HAS_TCP = 1 << 0, HAS_UDP = 1 << 1, HAS_SCTP = 1 << 2 };

#define RETRY_LAST_MS 30000u
#define LOOK_REST 10u /* times as long as it took to read the affinity: a large one shall not take the core */
/* A table that grows hides entries from one look, hardly from two; and what pods do meanwhile must not be undone for
 * ever. */
#define NARROWED_LOOKS 2u

struct stale {
	struct stale_config parts;
	unsigned protocols; /* enum protocol_bit: to sweep */
	bool affinity;	    /* to sweep */
	bool started;	    /* the first services are published */
	uint64_t retry_ms;  /* back-off after a sweep that failed; 0: the last one went well */
	struct frontend_set gone;
	struct frontend_set narrowed; /* since the last looks at the affinity clients outside lost endpoints there */
	unsigned narrowed_looks;      /* so often at most is it looked at for them */
	struct reversed_flows reversed;
	bool reversed_only;		  /* nothing else asked for the sweep under way */
	struct removed_endpoints removed; /* stays empty without --reset-removed-tcp */
	uint64_t now_ms;		  /* of the sweep under way */
	uint64_t earliest_ms;		  /* of the next sweep */
	uint64_t look_ms;		  /* until then the affinity rests */
	struct stale_stats stats;
};

struct stale *stale_new(const struct stale_config *config)
{
	struct stale *f = mem_alloc(sizeof *f);

	f->parts = *config;
	f->removed.grace_ms = config->grace_ms;
	return f;
}

void stale_free(struct stale *f)
{
	if (f == NULL)
		return;
	frontend_set_fini(&f->gone);
	frontend_set_fini(&f->narrowed);
	reversed_flows_fini(&f->reversed);
	removed_endpoints_fini(&f->removed);
	free(f);
}

const struct stale_stats *stale_stats(const struct stale *f)
{
	return &f->stats;
}

static unsigned protocol_bit(uint8_t proto)
{
	return proto == IPPROTO_TCP ? HAS_TCP : proto == IPPROTO_UDP ? HAS_UDP : HAS_SCTP;
}

void stale_gone(struct stale *f, const struct frontend_key *key)
{
	if (f->parts.conntrack == NULL)
		return;
	frontend_set_add(&f->gone, key);
	f->protocols |= protocol_bit(key->proto);
}

void stale_clients(struct stale *f)
{
	f->affinity = f->parts.nft != NULL;
}

static unsigned protocols_of(const struct service *s)
{
	unsigned bits = 0;

	for (size_t i = 0; s != NULL && s->proxied && i < s->port_count; i++)
		bits |= protocol_bit(s->ports[i].proto);
	return bits;
}

static bool has_affinity(const struct service *s)
{
	return s != NULL && s->affinity;
}

static void note_departures(struct stale *f, const struct service *prev, const struct service *next)
{
	const uint64_t now_ms = clock_ms();

	if (!f->started)
		removed_endpoints_start(&f->removed, now_ms);
	f->started = true;
	removed_endpoints_note(&f->removed, prev, next, now_ms);
}

/*
 * Entries do not tell clients outside from pods, who may use the endpoints of other nodes. So what a frontend that is
 * split now remembers of those goes, whoever it was, also at the start: nobody knows what the frontend was before. One
 * that prev gives up may pass to a service that splits it.
 */
static void note_affinity(struct stale *f, const struct service *prev, const struct service *next)
{
	f->affinity = true;
	f->narrowed_looks = NARROWED_LOOKS;
	if (has_affinity(prev))
		frontend_set_add_gone(&f->narrowed, prev, next);
	if (has_affinity(next))
		frontend_set_add_narrowed(&f->narrowed, prev, next);
}

/* A service without prev may have been known before this process, or its frontends may have been another's. */
void stale_published(struct stale *f, const struct service *prev, const struct service *next)
{
	if (f->parts.conntrack != NULL && staleflows_possible(prev, next)) {
		f->protocols |= protocols_of(prev) | protocols_of(next);
		frontend_set_add_gone(&f->gone, prev, next);
	}
	if (f->parts.conntrack != NULL && f->parts.reset_removed_tcp)
		note_departures(f, prev, next);
	if (f->parts.nft != NULL && (has_affinity(prev) || has_affinity(next)))
		note_affinity(f, prev, next);
}

/* No rule saw it: its answers may make an entry of their own. Looks for these do not add to what they look for. */
static bool check_untranslated(struct stale *f, const struct flow *flow, bool stale)
{
	if (stale && !f->reversed_only)
		reversed_flows_note(&f->reversed, flow);
	return stale || reversed_flows_has(&f->reversed, flow);
}

static bool check_entry(void *ctx, const struct conntrack_entry *e)
{
	struct stale *f = ctx;
	const struct flow flow = {.orig_src = e->orig_src,
				  .orig_dst = e->orig_dst,
				  .reply_src = e->reply_src,
				  .orig_src_port = e->orig_src_port,
				  .orig_port = e->orig_port,
				  .reply_port = e->reply_port,
				  .proto = e->proto,
				  .syn_sent = e->syn_sent};

	enum stale_action action = stale_check(&flow, f->parts.owners, &f->gone);

	if (e->proto == IPPROTO_UDP && !staleflows_translated(&flow))
		return check_untranslated(f, &flow, action == FLOW_DELETE);
	switch (action) {
	case FLOW_DELETE:
		return true;
	case FLOW_REMOVED:
		return removed_endpoints_is_due(&f->removed, &flow.reply_src, flow.reply_port, f->now_ms);
	default:
		return false;
	}
}

/* What stays may live on: each packet of a flow renews its entry. So it is tried again; told once. */
static bool sweep_failed(struct stale *f, const char *what, int error)
{
	f->stats.failures++;
	if (f->retry_ms == 0)
		log_warn("%s: stale entries could not be removed, trying again: %s", what, strerror(-error));
	f->retry_ms = f->retry_ms == 0 ? STALE_GAP_MS : f->retry_ms * 2;
	if (f->retry_ms > RETRY_LAST_MS)
		f->retry_ms = RETRY_LAST_MS;
	return false;
}

/*
 * Without its entry a connection's next packet is balanced anew and its new endpoint, which does not know it, resets
 * it.
 */
static bool cut_is_due(const struct stale *f)
{
	return f->removed.next_ms != 0 && f->removed.next_ms <= f->now_ms;
}

static int sweep_protocol(struct stale *f, uint8_t proto)
{
	const struct conntrack_sweep sweep = {.proto = proto,
					      .families = CONNTRACK_IPV4 | CONNTRACK_IPV6,
					      .unreplied_only = proto == IPPROTO_TCP && !cut_is_due(f),
					      .check = check_entry,
					      .ctx = f};
	size_t deleted[2];
	int error = conntrack_sweep(f->parts.conntrack, &sweep, deleted);

	f->stats.flows_deleted[0] += deleted[0];
	f->stats.flows_deleted[1] += deleted[1];
	return error;
}

/* The bits that are left in f->protocols are still to be swept. */
static bool sweep_protocols(struct stale *f)
{
	static const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP};

	for (size_t i = 0; i < sizeof protocols; i++) {
		unsigned bit = protocol_bit(protocols[i]);
		int error = (f->protocols & bit) != 0 ? sweep_protocol(f, protocols[i]) : 0;
		if (error < 0)
			return sweep_failed(f, "conntrack", error);
		f->protocols &= ~bit;
	}
	return true;
}

static bool sweep_flows(struct stale *f)
{
	const uint64_t start_ns = clock_ns();

	f->reversed_only = reversed_flows_due(&f->reversed, f->now_ms) && (f->protocols & HAS_UDP) == 0;
	f->protocols |= f->reversed_only ? HAS_UDP : 0;
	if (!sweep_protocols(f)) {
		f->protocols &= f->reversed_only ? ~(unsigned)HAS_UDP : ~0u;
		return false;
	}
	f->stats.sweeps++;
	f->stats.last_us = (clock_ns() - start_ns) / 1000;
	frontend_set_fini(&f->gone);
	removed_endpoints_done(&f->removed, f->now_ms);
	reversed_flows_looked(&f->reversed, f->now_ms);
	return true;
}

struct affinity_sweep {
	const struct stale *owner;
	struct element_list found;
};

static void on_affinity(void *ctx, const struct element *e)
{
	struct affinity_sweep *sweep = ctx;
	const struct frontend_key key = {.addr = e->daddr, .proto = e->proto, .port = e->port};
	bool narrowed = frontend_set_has(&sweep->owner->narrowed, &key);

	if (elements_affinity_stale(e, sweep->owner->parts.owners, narrowed))
		element_list_add(&sweep->found, e);
}

static bool has_conntrack(const struct stale *f)
{
	return f->parts.conntrack != NULL;
}

/*
 * One transaction per entry would be slow, one for all may fail: before Linux 6.3 when a single entry has come to point
 * elsewhere since it was read. Then they go one by one.
 */
static void affinity_delete(struct stale *f, const struct element_list *stale)
{
	for (size_t i = 0; i < stale->count; i++) {
		f->protocols |= has_conntrack(f) ? protocol_bit(stale->items[i].proto) : 0;
		nft_tx_del(f->parts.nft, &stale->items[i]);
	}
	if (nft_tx_commit(f->parts.nft) < 0) {
		for (size_t i = 0; i < stale->count; i++) {
			nft_tx_del(f->parts.nft, &stale->items[i]);
			nft_tx_commit(f->parts.nft);
		}
	}
	f->stats.affinity_deleted += stale->count;
}

/*
 * The packet path writes here meanwhile, and a table that grows hides entries from the reader: what one look finds,
 * the next one must find gone.
 */
static bool sweep_affinity(struct stale *f)
{
	struct affinity_sweep sweep = {.owner = f};
	const uint64_t start_ns = clock_ns();
	int error = nft_dump_set(f->parts.nft, SET_AFFINITY, on_affinity, &sweep);

	if (error < 0) {
		element_list_fini(&sweep.found);
		return sweep_failed(f, "affinity", error);
	}
	f->look_ms = f->now_ms + 1 + (clock_ns() - start_ns) * LOOK_REST / 1000000;
	if (sweep.found.count != 0)
		affinity_delete(f, &sweep.found);
	f->affinity = sweep.found.count != 0;
	f->narrowed_looks = f->affinity && f->narrowed_looks != 0 ? f->narrowed_looks - 1 : 0;
	if (f->narrowed_looks == 0)
		frontend_set_fini(&f->narrowed);
	element_list_fini(&sweep.found);
	return true;
}

static bool flows_are_due(const struct stale *f)
{
	return f->protocols != 0 || reversed_flows_due(&f->reversed, f->now_ms);
}

/* Affinity first: a flow that loses its entry is balanced anew, and would be sent where the affinity says. */
static void sweep(struct stale *f)
{
	bool well = (!f->affinity || sweep_affinity(f)) && (!flows_are_due(f) || sweep_flows(f));

	if (well)
		f->retry_ms = 0;
	f->earliest_ms = f->now_ms + (well ? STALE_GAP_MS : f->retry_ms);
}

static uint64_t until(uint64_t at_ms, uint64_t now_ms)
{
	if (at_ms == 0)
		return UINT64_MAX;
	return at_ms > now_ms ? at_ms - now_ms : 0;
}

/* Without a change: when a connection is to be cut, or reversed flows are to be looked for. */
static uint64_t wait_for_time(const struct stale *f, uint64_t now_ms)
{
	uint64_t cut_ms = until(f->removed.next_ms, now_ms), reversed_ms = until(f->reversed.next_ms, now_ms);

	return cut_ms < reversed_ms ? cut_ms : reversed_ms;
}

/*
 * While its entries stand, clients are sent to an endpoint that is gone. So the affinity does not wait for the next
 * sweep, which conntrack makes dear.
 */
static bool looks_early(const struct stale *f)
{
	return f->affinity && f->retry_ms == 0 && f->look_ms < f->earliest_ms;
}

static uint64_t wait_for_sweep(const struct stale *f, uint64_t now_ms)
{
	uint64_t at_ms = looks_early(f) ? f->look_ms : f->earliest_ms;

	if (!flows_are_due(f) && !f->affinity)
		return wait_for_time(f, now_ms);
	return at_ms > now_ms ? at_ms - now_ms : 0;
}

uint64_t stale_turn(struct stale *f, uint64_t now_ms)
{
	f->now_ms = now_ms;
	if (cut_is_due(f))
		f->protocols |= HAS_TCP;
	if ((flows_are_due(f) || f->affinity) && now_ms >= f->earliest_ms)
		sweep(f);
	else if (looks_early(f) && now_ms >= f->look_ms)
		sweep_affinity(f);
	return wait_for_sweep(f, now_ms);
}
