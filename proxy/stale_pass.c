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

static void look_add(struct stale_look *l, const struct frontend_key *key)
{
	unsigned at = 0;

	while (at < l->count && at < STALE_NARROW_MAX &&
	       !(addr_equal(&l->to[at].addr, &key->addr) && l->to[at].port == key->port))
		at++;
	if (at < l->count && at < STALE_NARROW_MAX)
		return;
	if (at < STALE_NARROW_MAX) {
		l->to[at].addr = key->addr;
		l->to[at].port = key->port;
	}
	l->count = at + 1;
	l->one_addr = (at == 0 || l->one_addr) && addr_equal(&l->to[0].addr, &key->addr);
	l->one_port = (at == 0 || l->one_port) && l->to[0].port == key->port;
	l->wanted = true;
}

void stale_pass_add(struct stale_pass *p, const struct owners *owners, const struct frontend_key *key)
{
	stale_snapshot_add(&p->snapshot, owners, key);
	look_add(&p->looks[stale_protocol(key->proto)][key->addr.family == AF_INET6], key);
}

/* They go to their client. */
void stale_pass_add_reversed(struct stale_pass *p)
{
	for (unsigned i = 0; i < 2; i++)
		if (p->reversed.in_family[i])
			p->looks[STALE_UDP][i] = (struct stale_look){.wanted = true, .count = STALE_NARROW_MAX + 1};
}

/* No rule saw it: its answers may make an entry of their own. */
static bool check_untranslated(struct stale_pass *p, const struct conntrack_entry *flow, bool stale)
{
	if (stale)
		reversed_flows_note(&p->reversed, flow);
	return stale || reversed_flows_has(&p->reversed, flow);
}

/* Without its entry a connection's next packet is balanced anew; its new endpoint, which does not know it, resets it.
 */
static bool check_entry(void *ctx, const struct conntrack_entry *flow)
{
	struct stale_pass *p = ctx;
	const struct frontend_key key = {.addr = flow->orig_dst, .proto = flow->proto, .port = flow->orig_port};
	const struct stale_frontend *frontend = stale_snapshot_find(&p->snapshot, &key);
	const enum stale_action action = frontend != NULL ? stale_check(flow, frontend) : FLOW_KEEP;

	if (flow->proto == IPPROTO_UDP && !staleflows_translated(flow))
		return check_untranslated(p, flow, action == FLOW_DELETE);
	if (action == FLOW_REMOVED)
		return p->cut && removed_due_has(&p->due, &flow->reply_src, flow->reply_port);
	return action == FLOW_DELETE;
}

static int walk(struct stale_pass *p, struct conntrack *conntrack, const struct conntrack_sweep *sweep)
{
	size_t deleted;
	int error = conntrack_sweep(conntrack, sweep, &deleted);

	p->deleted[sweep->family == AF_INET6] += deleted;
	return error;
}

/* Of unanswered ones there are few. */
static bool is_narrow(const struct stale_look *l, const struct conntrack_sweep *sweep, struct conntrack *conntrack)
{
	uint32_t entries = 0;

	return !l->one_addr && !l->one_port && l->count <= STALE_NARROW_MAX && !sweep->unreplied_only &&
	       conntrack_count(conntrack, &entries) == 0 && entries / l->count > STALE_NARROW_ENTRIES;
}

static int look(struct stale_pass *p, struct conntrack *conntrack, unsigned protocol, unsigned family)
{
	static const uint8_t protos[] = {
		[STALE_TCP] = IPPROTO_TCP, [STALE_UDP] = IPPROTO_UDP, [STALE_SCTP] = IPPROTO_SCTP};
	const struct stale_look *l = &p->looks[protocol][family];
	struct conntrack_sweep sweep = {.family = family == 0 ? AF_INET : AF_INET6,
					.proto = protos[protocol],
					.unreplied_only = protocol == STALE_TCP && !p->cut,
					.check = check_entry,
					.ctx = p};
	int error = 0;

	if (!is_narrow(l, &sweep, conntrack)) {
		sweep.dst = l->one_addr ? &l->to[0].addr : NULL;
		sweep.dst_port = l->one_port ? l->to[0].port : 0;
		return walk(p, conntrack, &sweep);
	}
	for (unsigned i = 0; i < l->count && error == 0; i++) {
		sweep.dst = &l->to[i].addr;
		sweep.dst_port = l->to[i].port;
		error = walk(p, conntrack, &sweep);
	}
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

	for (unsigned i = 0; i < STALE_PROTOCOLS * 2 && p->error == 0; i++) {
		struct stale_look *l = &p->looks[i / 2][i % 2];
		if (l->wanted)
			p->error = look(p, conntrack, i / 2, i % 2);
		l->wanted = p->error != 0 && l->wanted;
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
