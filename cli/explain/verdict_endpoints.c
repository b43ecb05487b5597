/* Faults between a frontend and its endpoints. */
#include "cli/explain/verdict.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/show_unused.h"

struct endpoint_counts {
	size_t all, ready, not_ready, terminating, usable, on_node;
};

static struct endpoint_counts count(const struct facts_port *p)
{
	struct endpoint_counts c = {0};

	for (size_t i = 0; p != NULL && i < p->endpoint_count; i++) {
		const struct facts_endpoint *e = &p->endpoints[i];
		c.all++;
		c.terminating += e->terminating;
		c.ready += e->ready && !e->terminating;
		c.not_ready += !e->ready && !e->terminating;
		c.usable += e->slots > 0;
		c.on_node += e->on_node && e->local_slots > 0;
	}
	return c;
}

static const struct facts_port *wanted_port(const struct facts_service *s, const char *name, uint8_t proto)
{
	for (size_t i = 0; i < s->wanted_count; i++)
		if (s->wanted[i].proto == proto && strcmp(s->wanted[i].name, name) == 0)
			return &s->wanted[i];
	return NULL;
}

static bool is_number(const char *text)
{
	return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
}

/* ---- slices ---- */

static void no_slice(const struct facts_service *s, struct findings *out)
{
	const struct facts_unused *elsewhere = NULL, *unlabelled = NULL;

	for (size_t i = 0; i < s->unused_count; i++) {
		if (strcmp(s->unused[i].reason, UNUSED_NO_LABEL) == 0)
			unlabelled = &s->unused[i];
		else if (strcmp(s->unused[i].ns, s->ns) != 0)
			elsewhere = &s->unused[i];
	}
	if (elsewhere != NULL)
		findings_add(
			out, "slice-namespace", SEVERITY_FAULT,
			"the EndpointSlice %s is in namespace %s, the Service %s in %s: a slice counts only in the "
			"namespace of its Service",
			elsewhere->slice, elsewhere->ns, s->name, s->ns);
	else if (unlabelled != NULL)
		findings_add(out, "slice-label", SEVERITY_FAULT,
			     "Service %s/%s has no EndpointSlice, and slice %s lacks a label: if it is meant, label it "
			     "kubernetes.io/service-name: %s",
			     s->ns, s->name, unlabelled->slice, s->name);
	else if (s->slices != 0)
		findings_add(
			out, "selector", SEVERITY_FAULT,
			"Service %s/%s has no endpoints: its EndpointSlice is empty, so its selector matches no pod",
			s->ns, s->name);
	else
		findings_add(
			out, "no-endpoints", SEVERITY_FAULT,
			"Service %s/%s has no endpoints: no EndpointSlice has the label kubernetes.io/service-name: %s",
			s->ns, s->name, s->name);
}

/* ---- ports ---- */

/* A slice has endpoints, and none of its ports is this one. */
static void port_does_not_meet(const struct facts_service *s, const struct facts_port *want, struct findings *out)
{
	const struct facts_unused *u = NULL;

	for (size_t i = 0; i < s->unused_count && u == NULL; i++)
		if (strcmp(s->unused[i].ns, s->ns) == 0)
			u = &s->unused[i];
	if (u != NULL && strcmp(u->reason, "the slice has no port") == 0 && want != NULL &&
	    !is_number(want->target_port))
		findings_add(out, "target-port-name", SEVERITY_FAULT,
			     "the target port name \"%s\" of Service %s/%s is not in the pods: no container port has "
			     "that name "
			     "(slice %s)",
			     want->target_port, s->ns, s->name, u->slice);
	else if (u != NULL)
		findings_add(out, "port-name", SEVERITY_FAULT,
			     "port name mismatch: slice %s of Service %s/%s is not used: %s", u->slice, s->ns, s->name,
			     u->reason);
	else
		findings_add(out, "no-endpoints", SEVERITY_FAULT,
			     "no endpoint of Service %s/%s is for this port and address family", s->ns, s->name);
}

/* ---- conditions ---- */

/* The pods know more than the endpoints. */
static bool pod_in_trouble(const struct facts_service *s, size_t all, struct findings *out)
{
	const struct facts_trouble *t = s->troubles;

	if (s->trouble_count == 0)
		return false;
	findings_add(out, strstr(t->reason, "probe") != NULL ? "probe" : "not-ready", SEVERITY_FAULT,
		     "0 of %zu endpoints of Service %s/%s are ready: pod %s: %s", all, s->ns, s->name, t->pod,
		     t->reason);
	return true;
}

static void none_usable(const struct facts_service *s, struct endpoint_counts c, struct findings *out)
{
	if (c.terminating != c.all && pod_in_trouble(s, c.all, out))
		return;
	if (c.terminating == c.all)
		findings_add(out, "terminating", SEVERITY_FAULT, "all %zu endpoints of Service %s/%s are terminating",
			     c.all, s->ns, s->name);
	else
		findings_add(
			out, "not-ready", SEVERITY_FAULT,
			"0 of %zu endpoints of Service %s/%s are ready: connections are refused until a pod passes its "
			"readiness probe",
			c.all, s->ns, s->name);
}

static void no_endpoint(const struct facts_service *s, const struct facts_port *p, const struct facts_port *want,
			struct findings *out)
{
	const struct endpoint_counts c = count(p);

	if (s->slices == 0 || s->slice_endpoints == 0)
		no_slice(s, out);
	else if (c.all == 0)
		port_does_not_meet(s, want, out);
	else
		none_usable(s, c, out);
}

/* ---- policies ---- */

static void local_policy(const struct facts *f, const struct facts_frontend *one, struct endpoint_counts c,
			 struct findings *out)
{
	const struct facts_service *s = &f->services[0];
	bool cluster_ip = strcmp(one->kind, "cluster-ip") == 0;
	bool dropped = strcmp(one->action, "drop") == 0 || (strcmp(one->action, "split") == 0 && one->slots == 0);

	if (!dropped)
		return;
	if (strcmp(one->action, "split") == 0 && facts_client_inside(f))
		return;
	findings_add(out, "local-policy",
		     strcmp(one->action, "split") == 0 && f->client.addr.family == 0 && f->asked.name != NULL
			     ? SEVERITY_RISK
			     : SEVERITY_FAULT,
		     "%sTrafficPolicy: Local, and none of the %zu ready endpoints of Service %s/%s is on this node: "
		     "connections %sare dropped",
		     cluster_ip ? "internal" : "external", c.ready, s->ns, s->name, cluster_ip ? "" : "from outside ");
}

static void source_range(const struct facts *f, const struct facts_frontend *one, struct findings *out)
{
	const struct facts_service *s = &f->services[0];
	char text[ADDR_TEXT_BYTES];

	if (!one->restricted || (f->client.addr.family != 0 && facts_in(&s->allowed, &f->client.addr)))
		return;
	if (f->client.addr.family != 0)
		findings_add(out, "source-range", SEVERITY_FAULT,
			     "the client %s is in no source range of Service %s/%s (loadBalancerSourceRanges): its "
			     "connections are "
			     "dropped",
			     addr_format(&f->client.addr, text), s->ns, s->name);
	else
		findings_add(out, "source-range", SEVERITY_RISK,
			     "%s is open to the source ranges of Service %s/%s only (--from says who asks)",
			     facts_address(f->arena, &one->addr, one->port, one->proto), s->ns, s->name);
}

/* ---- together ---- */

static void headless_endpoints(const struct facts_service *s, struct findings *out)
{
	if (s->dns_ready > 0)
		return;
	if (s->slices == 0 || s->slice_endpoints == 0)
		no_slice(s, out);
	else if (!pod_in_trouble(s, (size_t)s->slice_endpoints, out))
		findings_add(out, "not-ready", SEVERITY_FAULT,
			     "0 of %lld endpoints of Service %s/%s are ready: a headless Service has no address until "
			     "a pod passes "
			     "its readiness probe",
			     (long long)s->slice_endpoints, s->ns, s->name);
}

void verdict_endpoints(const struct facts *f, struct findings *out)
{
	const struct facts_service *s = f->service_count != 0 ? &f->services[0] : NULL;
	const struct facts_frontend *one;
	size_t at = 0;

	if (s != NULL && s->headless)
		headless_endpoints(s, out);
	while ((one = facts_next_frontend(f, &at)) != NULL) {
		const struct facts_port *p = facts_port_of(s, one);
		const struct endpoint_counts c = count(p);

		if (one->owner != NULL)
			continue;
		if (strcmp(one->action, "reject") == 0)
			no_endpoint(s, p, wanted_port(s, one->port_name, one->proto), out);
		local_policy(f, one, c, out);
		source_range(f, one, out);
	}
}
