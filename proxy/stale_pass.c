/* One look at conntrack, from the snapshot that the main thread made to the entries that are gone. */
#include "proxy/stale_pass.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"

unsigned stale_protocol(uint8_t proto)
{
	return proto == IPPROTO_TCP ? STALE_TCP : proto == IPPROTO_UDP ? STALE_UDP : STALE_SCTP;
}

void stale_pass_add(struct stale_pass *p, const struct owners *owners, const struct frontend_key *key)
{
	const uint8_t family = key->addr.family == AF_INET6 ? CONNTRACK_IPV6 : CONNTRACK_IPV4;

	stale_snapshot_add(&p->snapshot, owners, key);
	p->families[stale_protocol(key->proto)] |= family;
}

static struct flow flow_of(const struct conntrack_entry *e)
{
	return (struct flow){.orig_src = e->orig_src,
			     .orig_dst = e->orig_dst,
			     .reply_src = e->reply_src,
			     .orig_src_port = e->orig_src_port,
			     .orig_port = e->orig_port,
			     .reply_port = e->reply_port,
			     .proto = e->proto,
			     .syn_sent = e->syn_sent};
}

/* No rule saw it: its answers may make an entry of their own. */
static bool check_untranslated(struct stale_pass *p, const struct flow *flow, bool stale)
{
	if (stale)
		reversed_flows_note(&p->reversed, flow);
	return stale || reversed_flows_has(&p->reversed, flow);
}

/* Without its entry a connection's next packet is balanced anew; its new endpoint, which does not know it, resets it.
 */
static bool check_entry(void *ctx, const struct conntrack_entry *e)
{
	struct stale_pass *p = ctx;
	const struct flow flow = flow_of(e);
	const struct frontend_key key = {.addr = flow.orig_dst, .proto = flow.proto, .port = flow.orig_port};
	const struct stale_frontend *frontend = stale_snapshot_find(&p->snapshot, &key);
	const enum stale_action action = frontend != NULL ? stale_check(&flow, frontend) : FLOW_KEEP;

	if (flow.proto == IPPROTO_UDP && !staleflows_translated(&flow))
		return check_untranslated(p, &flow, action == FLOW_DELETE);
	if (action == FLOW_REMOVED)
		return p->cut && removed_due_has(&p->due, &flow.reply_src, flow.reply_port);
	return action == FLOW_DELETE;
}

static int protocol_sweep(struct stale_pass *p, struct conntrack *conntrack, unsigned protocol)
{
	static const uint8_t protos[] = {
		[STALE_TCP] = IPPROTO_TCP, [STALE_UDP] = IPPROTO_UDP, [STALE_SCTP] = IPPROTO_SCTP};
	const struct conntrack_sweep s = {.proto = protos[protocol],
					  .families = p->families[protocol],
					  .unreplied_only = protocol == STALE_TCP && !p->cut,
					  .check = check_entry,
					  .ctx = p};
	size_t deleted[2];
	int error = conntrack_sweep(conntrack, &s, deleted);

	p->deleted[0] += deleted[0];
	p->deleted[1] += deleted[1];
	return error;
}

static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

void stale_pass_run(struct stale_pass *p, struct conntrack *conntrack)
{
	const uint64_t start_ns = clock_ns(), start_cpu_ns = cpu_ns();

	for (unsigned i = 0; i < STALE_PROTOCOLS && p->error == 0; i++) {
		if (p->families[i] != 0)
			p->error = protocol_sweep(p, conntrack, i);
		if (p->error == 0)
			p->families[i] = 0;
	}
	p->took_us = (clock_ns() - start_ns) / 1000;
	p->cpu_ns = cpu_ns() - start_cpu_ns;
}

void stale_pass_free(struct stale_pass *p)
{
	if (p == NULL)
		return;
	stale_snapshot_fini(&p->snapshot);
	removed_due_fini(&p->due);
	reversed_flows_fini(&p->reversed);
	free(p);
}
