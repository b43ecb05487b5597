/* Says in one sentence why a reply has no records. */
#include "dns/answer/reasons.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "dns/answer/reason_text.h"
#include "dns/zone/similar.h"

enum { PORTS_NAMED_MAX = 16 };

/* A label as text: bytes that no Kubernetes name has are shown as '?'. */
struct label_text {
	char text[NAME_LABEL_BYTES + 1];
};

static const char *label_show(const uint8_t *label, unsigned length, struct label_text *to)
{
	for (unsigned k = 0; k < length; k++) {
		bool plain = (label[k] >= 'a' && label[k] <= 'z') || (label[k] >= '0' && label[k] <= '9') ||
			     label[k] == '-' || label[k] == '_' || label[k] == '*';
		to->text[k] = plain ? (char)label[k] : '?';
	}
	to->text[length] = '\0';
	return to->text;
}

static const char *label_format(const struct name *n, unsigned i, struct label_text *to)
{
	unsigned length;
	const uint8_t *label = name_label(n, i, &length);

	return label_show(label, length, to);
}

/* Labels from…to-1 of the question, each with a dot behind it. */
static void say_labels(struct reply *r, const struct owner_ref *s, unsigned from, unsigned to)
{
	struct label_text text;

	for (unsigned i = from; i < to; i++)
		reason_say(r, "%s.", label_format(s->name, i, &text));
}

static void say_domain(const struct zone *z, struct reply *r)
{
	struct label_text text;

	for (unsigned i = 0; i < z->domain.labels; i++)
		reason_say(r, i == 0 ? "%s" : ".%s", label_format(&z->domain, i, &text));
}

/* ---- the shape of the name ---- */

/* `svc` or `pod` and the whole cluster domain stand in front of the cluster domain. */
static bool twice_expanded(const struct zone *z, const struct owner_ref *s)
{
	const struct name *n = s->name;
	size_t bytes = z->domain.length - 1U;

	for (unsigned i = 1; i + z->domain.labels <= s->above; i++) {
		if ((name_label_is(n, i - 1, "svc") || name_label_is(n, i - 1, "pod")) &&
		    memcmp(n->wire + n->label_at[i], z->domain.wire, bytes) == 0)
			return true;
	}
	return false;
}

static const struct view *service_at(const struct zone *z, const struct owner_ref *s, unsigned label)
{
	const struct name *n = s->name;
	const uint8_t *key = n->wire + n->label_at[label];

	return table_service(z, key, (size_t)(n->label_at[label + 2] - n->label_at[label]));
}

static bool namespace_at(const struct zone *z, const struct owner_ref *s, unsigned label)
{
	const struct name *n = s->name;

	return table_namespace(z, n->wire + n->label_at[label], (size_t)(n->label_at[label + 1] - n->label_at[label]));
}

/* `svc` with one mistake, below it a service that exists. */
static bool svc_mistyped(const struct zone *z, const struct owner_ref *s)
{
	struct label_text text;

	return s->above >= 3 && text_distance(label_format(s->name, s->above - 1, &text), "svc", 1) == 1 &&
	       service_at(z, s, s->above - 3) != NULL;
}

/* Under the domain, but neither under `svc` nor `pod`. */
static void off_the_tree(const struct zone *z, const struct owner_ref *s, struct reply *r)
{
	if (svc_mistyped(z, s)) {
		reason_say(r, "did you mean ");
		say_labels(r, s, 0, s->above - 1);
		reason_say(r, "svc.");
	} else if (s->above >= 2 && service_at(z, s, s->above - 2) != NULL) {
		reason_say(r, "did you mean ");
		say_labels(r, s, 0, s->above);
		reason_say(r, "svc.");
	} else {
		reason_say(r, "names of Services are SERVICE.NAMESPACE.svc.");
	}
	say_domain(z, r);
}

static bool may_search(struct reply *r)
{
	return r->searches != NULL && similar_allowed(r->searches, clock_ns());
}

/* The question with other labels for service and namespace. */
static void suggest(const struct zone *z, const struct owner_ref *s, const uint8_t *service, const uint8_t *ns,
		    struct reply *r)
{
	struct label_text text;

	reason_say(r, "did you mean ");
	say_labels(r, s, 0, s->above - 3);
	reason_say(r, "%s.", label_show(service + 1, service[0], &text));
	reason_say(r, "%s.svc.", label_show(ns + 1, ns[0], &text));
	say_domain(z, r);
}

static const uint8_t *label_wire(const struct owner_ref *s, unsigned label)
{
	return s->name->wire + s->name->label_at[label];
}

static void no_namespace(const struct zone *z, const struct owner_ref *s, struct reply *r)
{
	struct label_text text;

	reason_say(r, "no namespace %s", label_format(s->name, s->above - 2, &text));
	if (s->above == 2 && name_label_is(s->name, 1, "svc")) {
		reason_say(r, "; names of Services are SERVICE.NAMESPACE.svc.");
		say_domain(z, r);
	}
}

/* ---- services ---- */

/* The namespace of a service is none. */
static void no_namespace_of(const struct zone *z, const struct owner_ref *s, struct reply *r)
{
	const uint8_t *service = label_wire(s, s->above - 3);
	const uint8_t *ns = may_search(r) ? similar_namespace(z, service, label_wire(s, s->above - 2)) : NULL;
	struct label_text text;

	if (ns != NULL && similar_has_service(z, service, ns)) {
		suggest(z, s, service, ns, r);
		return;
	}
	no_namespace(z, s, r);
	if (ns != NULL)
		reason_say(r, "; there is %s", label_show(ns + 1, ns[0], &text));
}

static bool swapped_exists(const struct zone *z, const struct owner_ref *s)
{
	return similar_has_service(z, label_wire(s, s->above - 2), label_wire(s, s->above - 3));
}

static void no_service(const struct zone *z, const struct owner_ref *s, struct reply *r)
{
	const uint8_t *similar;
	struct label_text service, ns;

	if (swapped_exists(z, s)) {
		suggest(z, s, label_wire(s, s->above - 2), label_wire(s, s->above - 3), r);
	} else if (!namespace_at(z, s, s->above - 2)) {
		no_namespace_of(z, s, r);
	} else if (may_search(r) &&
		   (similar = similar_service(z, label_wire(s, s->above - 3), label_wire(s, s->above - 2))) != NULL) {
		suggest(z, s, similar, label_wire(s, s->above - 2), r);
	} else {
		reason_say(r, "no Service %s in namespace %s", label_format(s->name, s->above - 3, &service),
			   label_format(s->name, s->above - 2, &ns));
	}
}

static void not_in_dns(const struct service *s, struct reply *r)
{
	if (s->dns_kind == DNS_EXTERNAL_NAME)
		reason_say(r, "externalName of Service %s is not a domain name", s->name);
	else if (s->dns_kind == DNS_CLUSTER_IP)
		reason_say(r, "Service %s has no ClusterIP yet", s->name);
	else
		reason_say(r, "Service %s has no records", s->name);
}

static void say_ready(const struct service *s, struct reply *r)
{
	unsigned ready = 0;

	for (size_t i = 0; i < s->dns_endpoint_count && s->dns_endpoint_count <= 1000; i++)
		ready += i == 0 || strcmp(s->dns_endpoints[i].label, s->dns_endpoints[i - 1].label) != 0;
	if (ready > 0 || s->dns_endpoint_count == 0)
		reason_say(r, "%u of %u endpoints ready", ready, ready + s->dns_not_ready);
	else
		reason_say(r, "%u endpoints not ready", s->dns_not_ready);
}

static void say_ports(const struct service *s, struct reply *r)
{
	if (s->dns_named_count == 0) {
		reason_say(r, "Service %s has no named port", s->name);
		return;
	}
	reason_say(r, "ports of %s:", s->name);
	for (size_t i = 0; i < s->dns_named_count; i++) {
		const struct dns_port *p = &s->dns_ports[s->dns_named[i]];
		if (i == PORTS_NAMED_MAX) {
			reason_say(r, ", ...");
			return;
		}
		reason_say(r, "%s %s/%s", i == 0 ? "" : ",", p->name,
			   p->proto == IPPROTO_TCP   ? "TCP"
			   : p->proto == IPPROTO_UDP ? "UDP"
						     : "SCTP");
	}
}

static int compare_label(const void *label, const void *waiting)
{
	return strcmp(label, *(const char *const *)waiting);
}

static bool is_waiting(const struct service *s, const char *label)
{
	return s->dns_waiting_count != 0 &&
	       bsearch(label, s->dns_waiting, s->dns_waiting_count, sizeof *s->dns_waiting, compare_label) != NULL;
}

static bool asks_waiting(const struct owner_ref *s, const struct service *service)
{
	struct label_text text;

	return is_waiting(service, label_format(s->name, 0, &text));
}

/* A name below a service that has records. */
static void below_service(const struct owner_ref *s, const struct service *service, struct reply *r)
{
	struct label_text text;
	const char *label = label_format(s->name, 0, &text);

	if (s->above == 5 || (s->above == 4 && label[0] == '_')) {
		say_ports(service, r);
	} else if (s->above == 4) {
		reason_say(r, is_waiting(service, label) ? "endpoint %s exists, not ready; " : "no ready endpoint %s; ",
			   label);
		say_ready(service, r);
	} else {
		reason_say(r, "below Service %s are only ENDPOINT and _PORT._PROTOCOL", service->name);
	}
}

static void other_family(const struct owner_ref *s, const struct view *v, unsigned type, struct reply *r)
{
	const char *other = type == TYPE_AAAA ? "IPv4" : "IPv6";

	if (s->above == 3)
		reason_say(r, v->kind == DNS_HEADLESS ? "ready endpoints are %s only" : "Service is %s only", other);
	else if (s->above == 4 && s->name->wire[s->name->label_at[0] + 1] != '_')
		reason_say(r, "endpoint is %s only", other);
}

static void under_svc(const struct zone *z, const struct owner_ref *s, unsigned type, struct reply *r)
{
	const struct view *v = service_at(z, s, s->above - 3);

	if (v == NULL)
		no_service(z, s, r);
	else if (v->kind == DNS_NONE)
		not_in_dns(v->service, r);
	else if (r->rcode == RCODE_NOERROR && (type == TYPE_A || type == TYPE_AAAA))
		other_family(s, v, type, r);
	else if (r->rcode == RCODE_NOERROR)
		return;
	else if (v->kind == DNS_EXTERNAL_NAME)
		reason_say(r, "Service %s is an ExternalName: nothing is below it", v->service->name);
	else if (v->v4_count + v->v6_count == 0 && !(s->above == 4 && asks_waiting(s, v->service)))
		say_ready(v->service, r);
	else
		below_service(s, v->service, r);
}

static void under_pod(const struct zone *z, const struct owner_ref *s, struct reply *r)
{
	struct label_text text;

	if (!namespace_at(z, s, s->above - 2))
		no_namespace(z, s, r);
	else if (z->pods_mode == PODS_DISABLED)
		reason_say(r, "names of pods are off (--dns-pods)");
	else
		reason_say(r, "no pod has the address %s in this namespace",
			   label_format(s->name, s->above - 3, &text));
}

void reasons_absent(const struct zone *z, const struct owner_ref *s, unsigned type, struct reply *r)
{
	bool absent = r->rcode == RCODE_NXDOMAIN;

	if (s->above < 2) {
		if (absent)
			off_the_tree(z, s, r);
		return;
	}
	bool svc = name_label_is(s->name, s->above - 1, "svc"), pod = name_label_is(s->name, s->above - 1, "pod");
	if (absent && twice_expanded(z, s))
		reason_say(r, "search list was appended twice; end the name with a dot");
	else if (absent && (svc || pod) && s->above == 2)
		no_namespace(z, s, r);
	else if (svc && s->above > 2)
		under_svc(z, s, type, r);
	else if (absent && pod)
		under_pod(z, s, r);
	else if (absent && !svc)
		off_the_tree(z, s, r);
}

void reasons_idle(const struct view *v, struct reply *r)
{
	say_ready(v->service, r);
	reason_say(r, ": connections are refused");
}

/* ---- the source of it all ---- */

/* As kubectl shows ages: the two largest units. */
static void say_duration(uint64_t s, struct reply *r)
{
	if (s < 60)
		reason_say(r, "%us", (unsigned)s);
	else if (s < 3600)
		reason_say(r, "%um%us", (unsigned)(s / 60), (unsigned)(s % 60));
	else if (s < 86400)
		reason_say(r, "%uh%um", (unsigned)(s / 3600), (unsigned)(s / 60 % 60));
	else
		reason_say(r, "%ud%uh", (unsigned)(s / 86400), (unsigned)(s / 3600 % 24));
}

void reasons_away(uint64_t away_ms, struct reply *r)
{
	char before[sizeof r->ede_text];
	int length = r->ede_text_bytes;

	if (away_ms < REASONS_AWAY_MS)
		return;
	memcpy(before, r->ede_text, (size_t)length);
	r->ede_text_bytes = 0;
	reason_say(r, "API server unreachable for ");
	say_duration(away_ms / 1000, r);
	if (length > 0)
		reason_say(r, "; %.*s", length, before);
	if (r->rcode != RCODE_SERVFAIL) /* which says that there is no answer at all */
		r->ede = EDE_STALE;
}

/* ---- refusals ---- */

void reasons_outside(bool stranger, struct reply *r)
{
	r->ede = stranger ? EDE_PROHIBITED : EDE_NOT_AUTHORITATIVE;
	if (!r->explain)
		return;
	if (stranger)
		reason_say(r, "names outside the cluster are answered to --dns-allow only");
	else
		reason_say(r, "name is outside the cluster domain: ask another server, or start fairlead without "
			      "--forward none");
}

void reasons_refused(const struct query *q, struct reply *r)
{
	bool transfer = q->class == CLASS_IN;

	r->ede = transfer ? EDE_PROHIBITED : EDE_NOT_SUPPORTED;
	if (!r->explain)
		return;
	if (transfer)
		reason_say(r, "transfers need TCP and a client in --dns-transfer");
	else
		reason_say(r, "only class IN is served");
}
