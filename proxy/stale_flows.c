/* What a change can have left behind in conntrack, and what becomes of one entry. */
#include "proxy/stale_flows.h"

#include <netinet/in.h>

bool staleflows_translated(const struct conntrack_entry *f)
{
	return !addr_equal(&f->orig_dst, &f->reply_src) || f->orig_port != f->reply_port;
}

static const struct target *answering(const struct conntrack_entry *f, const struct stale_frontend *frontend)
{
	const struct service_port p = {.target_count = frontend->target_count, .targets = frontend->targets};
	uint32_t at = service_port_find(&p, &f->reply_src, f->reply_port);

	if (at == p.target_count || !addr_equal(&p.targets[at].addr, &f->reply_src) ||
	    p.targets[at].port != f->reply_port)
		return NULL;
	return &p.targets[at];
}

/*
 * TCP that has not been answered is always safe to forget: the client sends its SYN again. So it goes when no rule
 * translated it (it ran ahead of the frontend, k/k#48719) or when its endpoint does not serve any more. What has been
 * answered is left to the two ends; k/k#100698 tells why.
 */
static enum stale_action check_tcp(const struct conntrack_entry *f, const struct target *target)
{
	bool serves = target != NULL && (target->flags & TARGET_SERVING) != 0;

	if (f->syn_sent)
		return serves ? FLOW_KEEP : FLOW_DELETE;
	return target == NULL && staleflows_translated(f) ? FLOW_REMOVED : FLOW_KEEP;
}

enum stale_action stale_check(const struct conntrack_entry *f, const struct stale_frontend *frontend)
{
	if (!frontend->owned) {
		/* Only what a rule of ours can have translated: a host's own flow to that address is not. */
		if (!staleflows_translated(f))
			return FLOW_KEEP;
		return f->proto != IPPROTO_TCP || f->syn_sent ? FLOW_DELETE : FLOW_KEEP; /* the pod may well live on */
	}
	const struct target *target = answering(f, frontend);
	if (f->proto == IPPROTO_TCP)
		return check_tcp(f, target);
	/* As in kube-proxy only `serving` counts, not policy or topology; none serving means none is right (1.37). */
	return target != NULL && (target->flags & TARGET_SERVING) != 0 ? FLOW_KEEP : FLOW_DELETE;
}

/* Every endpoint of prev that served still does in next. */
static bool still_serves(const struct service_port *prev, const struct service_port *next)
{
	for (uint32_t i = 0; i < prev->target_count; i++) {
		const struct target *t = &prev->targets[i];
		if ((t->flags & TARGET_SERVING) == 0)
			continue;
		uint32_t at = service_port_find(next, &t->addr, t->port);
		if (at == next->target_count || target_compare(&next->targets[at], t) != 0 ||
		    (next->targets[at].flags & TARGET_SERVING) == 0)
			return false;
	}
	return true;
}

/* Another kind, or another Service of that name, ranks differently: the key may be another's now (owners.h). */
static bool may_pass(const struct service *prev, const struct frontend *p, const struct service *next,
		     const struct frontend *n)
{
	return p->kind != n->kind || prev->created_s != next->created_s;
}

void staleflows_changed(const struct service *prev, const struct service *next, bool tcp, staleflows_each_fn *each,
			void *ctx)
{
	const size_t before = prev != NULL ? prev->frontend_count : 0, after = next != NULL ? next->frontend_count : 0;
	size_t p = 0, n = 0;

	while (p < before || n < after) {
		const struct frontend *old = p < before ? &prev->frontends[p] : NULL;
		const struct frontend *new = n < after ? &next->frontends[n] : NULL;
		const int order = old == NULL ? 1 : new == NULL ? -1 : frontend_key_compare(&old->key, &new->key);
		const struct frontend_key *key = order <= 0 ? &old->key : &new->key;
		const bool all = tcp || key->proto != IPPROTO_TCP;

		p += order <= 0;
		n += order >= 0;
		if (order > 0 || (order < 0 && all) || (order == 0 && may_pass(prev, old, next, new)) ||
		    (order == 0 && all &&
		     !still_serves(&prev->ports[old->service_port], &next->ports[new->service_port])))
			each(ctx, key);
	}
}
