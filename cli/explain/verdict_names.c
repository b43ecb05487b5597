/* Faults on the way from a name to an address. */
#include "cli/explain/verdict.h"

#include <string.h>

#define EDE_NO_REACHABLE_AUTHORITY 22
#define EDE_NETWORK_ERROR 23

/* "web.prod", "web": how a client of that namespace may write it. */
static const char *short_name(const struct facts *f, const char *ns)
{
	if (strcmp(ns, f->client.ns) == 0)
		return f->names.service;
	return arena_printf(f->arena, "%s.%s", f->names.service, ns);
}

static const char *full_name(const struct facts *f, const char *ns)
{
	return arena_printf(f->arena, "%s.%s.svc.%s", f->names.service, ns, f->daemon.domain);
}

static unsigned dots(const char *name)
{
	unsigned n = 0;

	for (; *name != '\0'; name++)
		n += *name == '.' && name[1] != '\0';
	return n;
}

static bool is_service(const struct facts *f)
{
	return f->names.service != NULL && (f->service_count != 0 || f->namesake_count != 0);
}

/* ---- servers ---- */

static void other_server(const struct facts *f, struct findings *out)
{
	for (size_t i = 0; i < f->names.step_count; i++) {
		const struct facts_step *s = &f->names.steps[i];
		if (s->server_is_ours)
			continue;
		findings_add(out, "other-dns-server", SEVERITY_FAULT,
			     "the client asks the DNS server %s, which is not this fairlead%s: %s there", s->server,
			     is_service(f) ? " and need not know the cluster's names" : "", s->status);
		return;
	}
}

static void no_server(const struct facts *f, struct findings *out)
{
	const struct facts_step *last = &f->names.steps[f->names.step_count - 1];

	if (!f->daemon.dns)
		findings_add(out, "no-dns", SEVERITY_FAULT, "this fairlead runs with --no-dns: %s is not asked",
			     last->server);
	else if (last->outcome == OUTCOME_TIMEOUT)
		findings_add(out, "dns-silent", SEVERITY_FAULT, "the DNS server %s does not answer: %s", last->server,
			     last->status);
}

static void upstream(const struct facts *f, struct findings *out)
{
	for (size_t i = 0; i < f->names.step_count; i++) {
		const struct facts_step *s = &f->names.steps[i];
		if (s->ede_code != EDE_NO_REACHABLE_AUTHORITY && s->ede_code != EDE_NETWORK_ERROR)
			continue;
		findings_add(out, "upstream-dead", SEVERITY_FAULT,
			     "the upstream DNS server for names outside the cluster is dead: %s gets %s, EDE %s",
			     s->name, s->status, s->ede);
		return;
	}
}

/* ---- the search list ---- */

static void search_list_too_long(const struct facts *f, struct findings *out)
{
	if (f->names.warning != NULL)
		findings_add(out, "search-list", SEVERITY_FAULT, "the search list is too long for %s: %s",
			     resolver_name(f->names.resolver), f->names.warning);
}

static void trailing_dot(const struct facts *f, struct findings *out)
{
	const char *name = f->asked.name;
	const char *ns = f->service_count != 0 ? f->names.ns : f->namesake_count != 0 ? f->namesakes[0] : NULL;

	if (ns == NULL || name[0] == '\0' || name[strlen(name) - 1] != '.')
		return;
	findings_add(out, "trailing-dot", SEVERITY_FAULT,
		     "the dot at the end of \"%s\" switches the search list off: ask %s without a dot, or %s", name,
		     short_name(f, ns), full_name(f, ns));
}

/* A resolver that asks names with ndots dots or more as they stand, and nothing else. */
static void ndots(const struct facts *f, struct findings *out)
{
	const struct facts_names *n = &f->names;

	if (f->service_count == 0 || n->name_count != 1 || dots(f->asked.name) < n->ndots ||
	    f->asked.name[strlen(f->asked.name) - 1] == '.')
		return;
	findings_add(out, "ndots", SEVERITY_FAULT,
		     "ndots:%u: %s asks \"%s\", which has %u dots, only as it stands, without the search list: ask %s",
		     n->ndots, resolver_name(n->resolver), f->asked.name, dots(f->asked.name), full_name(f, n->ns));
}

static void resolver_stops(const struct facts *f, struct findings *out)
{
	if (f->names.told != NULL && f->service_count != 0)
		findings_add(out, "resolver-stops", SEVERITY_FAULT, "%s (%s)", f->names.told, f->names.error);
}

/* ---- the name itself ---- */

static void other_namespace(const struct facts *f, struct findings *out)
{
	if (f->service_count != 0 || f->namesake_count == 0)
		return;
	findings_add(out, "other-namespace", SEVERITY_FAULT,
		     "there is no Service %s in namespace %s; there is one in namespace %s: ask %s", f->names.service,
		     f->names.ns, f->namesakes[0], short_name(f, f->namesakes[0]));
}

static void no_such_name(const struct facts *f, struct findings *out)
{
	const struct facts_names *n = &f->names;
	const char *reason = NULL;

	for (size_t i = 0; i < n->step_count && reason == NULL; i++)
		if (n->steps[i].ede != NULL && strchr(n->steps[i].ede, ':') != NULL)
			reason = strchr(n->steps[i].ede, ':') + 2; /* behind the code's name */
	findings_add(out, "no-such-name", SEVERITY_FAULT, "%s is not found (%s)%s%s", f->asked.name,
		     n->error != NULL ? n->error : "no answer", reason != NULL ? ": " : "",
		     reason != NULL ? reason : "");
}

/* What was asked before the name was there may be believed until the answer's time is over (RFC 2308 5). */
static void negative_cache(const struct facts *f, struct findings *out)
{
	const struct facts_service *s = f->service_count != 0 ? &f->services[0] : NULL;
	int64_t ttl_ms = f->daemon.negative_ttl_s * 1000;

	if (s == NULL || s->appeared_ms_ago < 0 || s->appeared_ms_ago >= ttl_ms)
		return;
	findings_add(out, "negative-cache", SEVERITY_RISK,
		     "Service %s/%s is in DNS for %lld s only: a client that asked before may have the negative answer "
		     "cached for %lld s more (--dns-negative-ttl %lld)",
		     s->ns, s->name, (long long)(s->appeared_ms_ago / 1000),
		     (long long)((ttl_ms - s->appeared_ms_ago + 999) / 1000), (long long)f->daemon.negative_ttl_s);
}

void verdict_names(const struct facts *f, struct findings *out)
{
	static void (*const rules[])(const struct facts *, struct findings *) = {
		upstream,     other_server, no_server,	     search_list_too_long,
		trailing_dot, ndots,	    other_namespace, resolver_stops};
	size_t before = out->count;

	if (f->asked.name != NULL && f->names.found != NULL)
		negative_cache(f, out);
	if (f->asked.name == NULL || f->names.found != NULL || f->names.step_count == 0)
		return;
	for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
		rules[i](f, out);
	/* A headless Service without ready endpoints has no address: its endpoints are the reason. */
	if (out->count == before && (f->service_count == 0 || !f->services[0].headless))
		no_such_name(f, out);
}
