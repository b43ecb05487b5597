/* Faults in this host's kernel: our own table, and what stands in the way of packets beside it. */
#include "cli/explain/verdict.h"

#include <string.h>

/* ---- our table ---- */

static void differs(const struct facts *f, struct findings *out)
{
	const struct facts_kernel *k = &f->kernel;

	if (k->wrong_count != 0)
		findings_add(out, "kernel-differs", SEVERITY_FAULT,
			     "the kernel is out of sync: %zu of %zu elements are not as the daemon wants them%s: %s",
			     k->wrong_count, k->compared,
			     f->daemon.in_sync ? "" : " (a change or a repair is under way; see fairlead status)",
			     k->wrong[0]);
	else if (!f->daemon.in_sync && f->daemon.proxy)
		findings_add(out, "not-in-sync", SEVERITY_RISK,
			     "a change is not in the kernel yet, or another program changed the table (fairlead "
			     "status); what "
			     "was asked is there");
}

/* ---- the way to an endpoint ---- */

static bool has_host_endpoint(const struct facts *f, const struct facts_port *p)
{
	for (size_t i = 0; i < p->endpoint_count; i++)
		if (p->endpoints[i].slots > 0 && !facts_is_host(f, &p->endpoints[i].addr))
			return false;
	return true;
}

static void forwarding(const struct facts *f, const struct facts_frontend *one, struct findings *out)
{
	const struct facts_port *p = facts_port_of(&f->services[0], one);
	bool six = one->addr.family == AF_INET6;

	if (f->client.on_host || f->kernel.forwarding[six] != 0 || p == NULL || has_host_endpoint(f, p))
		return;
	findings_add(out, "forwarding-off", SEVERITY_FAULT,
		     "forwarding is off: %s is 0, so packets from other machines and pods do not reach the endpoints",
		     six ? "net.ipv6.conf.all.forwarding" : "net.ipv4.ip_forward");
}

static void routes(const struct facts *f, struct findings *out)
{
	char text[ADDR_TEXT_BYTES];

	for (size_t i = 0; i < f->kernel.route_count; i++)
		if (!f->kernel.routes[i].found)
			findings_add(out, "no-route", SEVERITY_FAULT, "this host has no route to %s",
				     addr_format(&f->kernel.routes[i].to, text));
}

/* The endpoint would answer the client past this host. */
static void one_network(const struct facts *f, const struct facts_frontend *one, struct findings *out)
{
	const struct facts_port *p = facts_port_of(&f->services[0], one);
	char client[ADDR_TEXT_BYTES], endpoint[ADDR_TEXT_BYTES], network[CIDR_TEXT_BYTES];

	if (p == NULL || f->client.addr.family == 0 || f->client.on_host || f->kernel.bridge_filtered ||
	    verdict_masquerade(f, one) != NULL)
		return;
	for (size_t n = 0; n < f->kernel.networks.count; n++) {
		const struct cidr *c = &f->kernel.networks.items[n];
		for (size_t i = 0; cidr_contains(c, &f->client.addr) && i < p->endpoint_count; i++) {
			const struct addr *e = &p->endpoints[i].addr;
			if (p->endpoints[i].slots == 0 || !cidr_contains(c, e) || facts_is_host(f, e))
				continue;
			findings_add(out, "no-return", SEVERITY_FAULT,
				     "no route back: client %s and endpoint %s are on one network, %s, so the endpoint "
				     "answers "
				     "past this host and the client drops the reply; masquerade such connections "
				     "(--masquerade-all, "
				     "or a --cluster-cidr without them), or filter bridged packets",
				     addr_format(&f->client.addr, client), addr_format(e, endpoint),
				     cidr_format(c, network));
			return;
		}
	}
}

static void reverse_path(const struct facts *f, struct findings *out)
{
	const struct facts_kernel *k = &f->kernel;
	char text[ADDR_TEXT_BYTES];

	if (k->rp_filter != NULL)
		findings_add(out, "rp-filter", SEVERITY_FAULT,
			     "rp_filter drops the client's packets: they come in on %s, whose strict check "
			     "(net.ipv4.conf.%s.rp_filter "
			     "1) wants them on %s, where the route to %s leads",
			     k->rp_filter, k->rp_filter, k->rp_filter_route, addr_format(&f->client.addr, text));
}

/* ---- other programs ---- */

static void other_tables(const struct facts *f, struct findings *out)
{
	for (size_t i = 0; i < f->kernel.drop_count; i++) {
		const struct facts_drop *d = &f->kernel.drops[i];
		if (d->certain)
			findings_add(out, "other-table", SEVERITY_FAULT, "another table drops these packets: %s: %s",
				     d->where, d->what);
		else
			findings_add(out, "other-table", SEVERITY_RISK, "another table may drop these packets: %s: %s",
				     d->where, d->what);
	}
}

/* ---- connections ---- */

static bool endpoint_serves(const struct facts_port *p, const struct facts_flow *w)
{
	for (size_t i = 0; i < p->endpoint_count; i++)
		if (addr_equal(&p->endpoints[i].addr, &w->answers) && p->endpoints[i].port == w->answers_port &&
		    (p->endpoints[i].slots > 0 || p->endpoints[i].local_slots > 0 || p->endpoints[i].serving))
			return true;
	return false;
}

static void stale_flows(const struct facts *f, const struct facts_frontend *one, struct findings *out)
{
	const struct facts_port *p = facts_port_of(&f->services[0], one);
	const struct facts_flow *first = NULL;
	size_t count = 0;

	for (size_t i = 0; p != NULL && i < f->kernel.flow_count; i++) {
		const struct facts_flow *w = &f->kernel.flows[i];
		if (!addr_equal(&w->to, &one->addr) || w->to_port != one->port || w->proto != one->proto ||
		    (w->translated && endpoint_serves(p, w)) ||
		    (f->client.addr.family != 0 && !addr_equal(&f->client.addr, &w->from)))
			continue;
		first = first != NULL ? first : w;
		count++;
	}
	if (first == NULL)
		return;
	findings_add(out, "stale-conntrack", SEVERITY_FAULT,
		     "stale conntrack entry: packets from %s go on to %s, which is no endpoint now (%zu such %s); "
		     "conntrack -D "
		     "deletes it",
		     facts_address(f->arena, &first->from, first->from_port, first->proto),
		     facts_address(f->arena, &first->answers, first->answers_port, 0), count,
		     count == 1 ? "entry" : "entries");
}

/* ---- the way to this host ---- */

static void not_routed_here(const struct facts *f, const struct facts_frontend *one, struct findings *out)
{
	const bool external = strcmp(one->kind, "external-ip") == 0 || strcmp(one->kind, "load-balancer") == 0;
	const enum severity severity = f->client.addr.family != 0 ? SEVERITY_FAULT : SEVERITY_RISK;
	char network[CIDR_TEXT_BYTES];

	if (!external || facts_client_inside(f) || facts_is_host(f, &one->addr) || one->announced)
		return;
	for (size_t i = 0; i < f->kernel.networks.count; i++) {
		if (!cidr_contains(&f->kernel.networks.items[i], &one->addr))
			continue;
		if (one->announcement != NULL)
			findings_add(out, "not-announced", severity, "the address %s is %s",
				     facts_address(f->arena, &one->addr, 0, 0), one->announcement);
		else
			findings_add(out, "not-routed", severity,
				     "the external address %s is not routed to this host: it is in the network %s of a "
				     "link, where "
				     "clients ask for its owner by ARP or ND, and this host has no such address to "
				     "answer with",
				     facts_address(f->arena, &one->addr, 0, 0),
				     cidr_format(&f->kernel.networks.items[i], network));
		return;
	}
}

/* ---- masquerade ---- */

static bool one_of_networks(const struct facts *f, const struct facts_frontend *one)
{
	const struct facts_port *p = facts_port_of(&f->services[0], one);
	const struct cidr_list *l = &f->daemon.networks;

	for (size_t n = 0; p != NULL && n < l->count; n++)
		for (size_t i = 0; cidr_contains(&l->items[n], &f->client.addr) && i < p->endpoint_count; i++)
			if (cidr_contains(&l->items[n], &p->endpoints[i].addr))
				return true;
	return false;
}

static bool family_has_pods(const struct facts *f, int family)
{
	for (size_t i = 0; i < f->daemon.pod_cidrs.count; i++)
		if (f->daemon.pod_cidrs.items[i].addr.family == family)
			return true;
	return false;
}

const char *verdict_masquerade(const struct facts *f, const struct facts_frontend *one)
{
	bool external = strcmp(one->kind, "cluster-ip") != 0;

	if (f->daemon.masquerade_all)
		return "--masquerade-all";
	if (external && strcmp(one->action, "split") != 0)
		return "connections from outside are, so that replies come back through this node";
	if (f->client.addr.family == 0)
		return NULL;
	if (!external && family_has_pods(f, one->addr.family) && !facts_in(&f->daemon.pod_cidrs, &f->client.addr))
		return "the client is in no --cluster-cidr";
	return one_of_networks(f, one) ? "client and endpoint are on one network" : NULL;
}

/* ---- together ---- */

void verdict_kernel(const struct facts *f, struct findings *out)
{
	const struct facts_frontend *one;
	size_t at = 0;

	if (!f->kernel.known)
		return;
	differs(f, out);
	other_tables(f, out);
	while ((one = facts_next_frontend(f, &at)) != NULL) {
		forwarding(f, one, out);
		one_network(f, one, out);
		not_routed_here(f, one, out);
		stale_flows(f, one, out);
	}
	routes(f, out);
	reverse_path(f, out);
}
