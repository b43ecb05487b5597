#include "proxy/stale_flows.h"

#include <netinet/in.h>

bool staleflows_translated(const struct flow *f)
{
	return !addr_equal(&f->orig_dst, &f->reply_src) || f->orig_port != f->reply_port;
}

static const struct target *answering(const struct flow *f, const struct service *s, const struct frontend *frontend)
{
	const struct service_port *p = &s->ports[frontend->service_port];
	uint32_t at = service_port_find(p, &f->reply_src, f->reply_port);

	if (at == p->target_count || !addr_equal(&p->targets[at].addr, &f->reply_src) ||
	    p->targets[at].port != f->reply_port)
		return NULL;
	return &p->targets[at];
}

/*
 * TCP that has not been answered is always safe to forget: the client sends its SYN again. So it goes when no rule
 * translated it (it ran ahead of the frontend, k/k#48719) or when its endpoint does not serve any more. What has been
 * answered is left to the two ends; k/k#100698 tells why.
 */
static enum stale_action check_tcp(const struct flow *f, const struct target *target)
{
	bool serves = target != NULL && (target->flags & TARGET_SERVING) != 0;

	if (f->syn_sent)
		return serves ? FLOW_KEEP : FLOW_DELETE;
	return target == NULL && staleflows_translated(f) ? FLOW_REMOVED : FLOW_KEEP;
}

enum stale_action stale_check(const struct flow *f, const struct owners *owners, const struct frontend_set *gone)
{
	struct frontend_key key = {.addr = f->orig_dst, .proto = f->proto, .port = f->orig_port};
	const struct service *owner;
	const struct frontend *frontend = owners_frontend(owners, &key, &owner);

	if (frontend == NULL) {
		/* Only what a rule of ours can have translated: a host's own flow to that address is not. */
		if (!staleflows_translated(f) || !frontend_set_has(gone, &key))
			return FLOW_KEEP;
		return f->proto != IPPROTO_TCP || f->syn_sent ? FLOW_DELETE : FLOW_KEEP; /* the pod may well live on */
	}
	const struct target *target = answering(f, owner, frontend);
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

bool staleflows_possible(const struct service *prev, const struct service *next)
{
	size_t before = prev != NULL ? prev->frontend_count : 0, after = next != NULL ? next->frontend_count : 0;

	if (before != after)
		return true;
	for (size_t i = 0; i < before; i++) {
		const struct frontend *p = &prev->frontends[i], *n = &next->frontends[i];
		if (frontend_key_compare(&p->key, &n->key) != 0)
			return true;
		if (!still_serves(&prev->ports[p->service_port], &next->ports[n->service_port]))
			return true;
	}
	return false;
}
