#include "proxy/fixup.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "proxy/cutoff.h"
#include "proxy/elements.h"
#include "proxy/staleflows.h"

enum protocol_bit { HAS_TCP = 1 << 0, HAS_UDP = 1 << 1, HAS_SCTP = 1 << 2 };

struct fixup {
	struct fixup_config parts;
	unsigned protocols; /* enum protocol_bit: to sweep */
	bool affinity;	    /* to sweep */
	bool failed;	    /* the last sweep: warned about once */
	struct gone_frontends gone;
	struct cutoff cutoff; /* stays empty without --reset-removed-tcp */
	uint64_t now_ms;      /* of the sweep under way */
	uint64_t earliest_ms;
	struct fixup_stats stats;
};

struct fixup *fixup_new(const struct fixup_config *config)
{
	struct fixup *f = mem_alloc(sizeof *f);

	f->parts = *config;
	f->cutoff.grace_ms = config->grace_ms;
	return f;
}

void fixup_free(struct fixup *f)
{
	if (f == NULL)
		return;
	gone_fini(&f->gone);
	cutoff_fini(&f->cutoff);
	free(f);
}

const struct fixup_stats *fixup_stats(const struct fixup *f)
{
	return &f->stats;
}

static unsigned protocols_of(const struct service *s)
{
	unsigned bits = 0;

	for (size_t i = 0; s != NULL && s->proxied && i < s->port_count; i++)
		bits |= s->ports[i].proto == IPPROTO_TCP   ? HAS_TCP
			: s->ports[i].proto == IPPROTO_UDP ? HAS_UDP
							   : HAS_SCTP;
	return bits;
}

void fixup_published(struct fixup *f, const struct service *prev, const struct service *next)
{
	if (f->parts.conntrack != NULL && staleflows_possible(prev, next)) {
		f->protocols |= protocols_of(prev) | protocols_of(next);
		gone_add(&f->gone, prev, next);
	}
	if (f->parts.conntrack != NULL && f->parts.reset_removed_tcp)
		cutoff_note(&f->cutoff, prev, next, clock_ms());
	if (prev != NULL && prev->sticky)
		f->affinity = f->parts.nft != NULL;
}

static bool judge(void *ctx, const struct conntrack_entry *e)
{
	const struct fixup *f = ctx;
	const struct flow flow = {.orig_dst = e->orig_dst,
				  .reply_src = e->reply_src,
				  .orig_port = e->orig_port,
				  .reply_port = e->reply_port,
				  .proto = e->proto,
				  .syn_sent = e->syn_sent};

	switch (staleflows_judge(&flow, f->parts.claims, &f->gone)) {
	case FLOW_DELETE:
		return true;
	case FLOW_REMOVED:
		return cutoff_is_due(&f->cutoff, &flow.reply_src, flow.reply_port, f->now_ms);
	default:
		return false;
	}
}

/* Rules are right either way; entries that stay go by their own time-outs. So a failure is told once, not retried. */
static void sweep_failed(struct fixup *f, const char *what, int error)
{
	f->stats.failures++;
	if (!f->failed)
		log_warn("%s: stale entries could not be removed: %s", what, strerror(-error));
	f->failed = true;
}

/*
 * Without its entry a connection's next packet is balanced anew and its new endpoint, which does not know it, resets
 * it.
 */
static bool cut_is_due(const struct fixup *f)
{
	return f->cutoff.next_ms != 0 && f->cutoff.next_ms <= f->now_ms;
}

static void sweep_flows(struct fixup *f)
{
	static const struct {
		unsigned bit;
		uint8_t proto;
	} protocols[] = {{HAS_TCP, IPPROTO_TCP}, {HAS_UDP, IPPROTO_UDP}, {HAS_SCTP, IPPROTO_SCTP}};
	const uint64_t start_ns = clock_ns();

	for (size_t i = 0; i < sizeof protocols / sizeof protocols[0]; i++) {
		const struct conntrack_sweep sweep = {.proto = protocols[i].proto,
						      .unreplied_only =
							      protocols[i].proto == IPPROTO_TCP && !cut_is_due(f),
						      .judge = judge,
						      .ctx = f};
		size_t deleted = 0;
		if ((f->protocols & protocols[i].bit) == 0)
			continue;
		int error = conntrack_sweep(f->parts.conntrack, &sweep, &deleted);
		f->stats.flows_deleted += deleted;
		if (error < 0)
			sweep_failed(f, "conntrack", error);
		else
			f->failed = false;
	}
	f->stats.sweeps++;
	f->stats.last_us = (clock_ns() - start_ns) / 1000;
	f->protocols = 0;
	gone_fini(&f->gone);
	cutoff_done(&f->cutoff, f->now_ms);
}

struct affinity_sweep {
	const struct claims *claims;
	struct element_list stale;
};

static void on_affinity(void *ctx, const struct element *e)
{
	struct affinity_sweep *sweep = ctx;

	if (elements_affinity_stale(e, sweep->claims))
		element_list_add(&sweep->stale, e);
}

/*
 * One transaction per entry would be slow, one for all fails when a single entry has timed out since it was read: then
 * the rest goes one by one.
 */
static void sweep_affinity(struct fixup *f)
{
	struct affinity_sweep sweep = {.claims = f->parts.claims};
	int error = nft_dump_set(f->parts.nft, SET_AFFINITY, on_affinity, &sweep);

	for (size_t i = 0; error == 0 && i < sweep.stale.count; i++)
		nft_tx_del(f->parts.nft, &sweep.stale.items[i]);
	if (error == 0 && nft_tx_commit(f->parts.nft) < 0) {
		for (size_t i = 0; i < sweep.stale.count; i++) {
			nft_tx_del(f->parts.nft, &sweep.stale.items[i]);
			nft_tx_commit(f->parts.nft);
		}
	}
	if (error < 0)
		sweep_failed(f, "affinity", error);
	f->stats.affinity_deleted += sweep.stale.count;
	f->affinity = false;
	element_list_fini(&sweep.stale);
}

/* When a connection waits to be cut, that is the time to come back. */
static uint64_t wait_for_cut(const struct fixup *f, uint64_t now_ms)
{
	if (f->cutoff.next_ms == 0)
		return UINT64_MAX;
	return f->cutoff.next_ms > now_ms ? f->cutoff.next_ms - now_ms : 0;
}

uint64_t fixup_turn(struct fixup *f, uint64_t now_ms)
{
	f->now_ms = now_ms;
	if (cut_is_due(f))
		f->protocols |= HAS_TCP;
	if (f->protocols == 0 && !f->affinity)
		return wait_for_cut(f, now_ms);
	if (now_ms < f->earliest_ms)
		return f->earliest_ms - now_ms;
	f->earliest_ms = now_ms + FIXUP_GAP_MS;
	if (f->affinity)
		sweep_affinity(f);
	if (f->protocols != 0)
		sweep_flows(f);
	return wait_for_cut(f, now_ms);
}
