/* Prints verdict and facts. */
#include "cli/explain/print.h"

#include <string.h>

#include "base/json.h"

#define ENDPOINTS_SHOWN 20
#define FLOWS_SHOWN 5

static const char *leads_to(const struct facts *f)
{
	const struct facts_service *s = f->service_count != 0 ? &f->services[0] : NULL;

	if (s == NULL)
		return "is found, and is no Service of the cluster";
	if (s->headless)
		return arena_printf(f->arena, "leads to the %lld ready endpoints of headless Service %s/%s",
				    (long long)s->dns_ready, s->ns, s->name);
	if (s->external_name != NULL)
		return arena_printf(f->arena, "is ExternalName Service %s/%s, an alias of %s", s->ns, s->name,
				    s->external_name);
	return arena_printf(f->arena, "leads to Service %s/%s", s->ns, s->name);
}

static const char *first_line(const struct facts *f, const struct findings *findings)
{
	if (findings_has_fault(findings))
		return findings->items[0].text;
	return arena_printf(f->arena, "no fault found: %s %s%s%s", f->asked.text, leads_to(f),
			    findings->count != 0 ? "; but " : "", findings->count != 0 ? findings->items[0].text : "");
}

/* What came from outside: one line, whatever is in it. */
static void put(struct buf *out, const char *text)
{
	buf_add_escaped(out, text, strlen(text), false);
}

/* ---- names ---- */

static void text_names(struct buf *out, const struct facts *f)
{
	const struct facts_names *n = &f->names;
	char addr[ADDR_TEXT_BYTES];

	if (f->asked.name == NULL)
		return;
	buf_printf(out, "names (%s in namespace %s, ndots:%u)\n", resolver_name(n->resolver), f->client.ns, n->ndots);
	for (size_t i = 0; i < n->step_count; i++) {
		const struct facts_step *s = &n->steps[i];
		buf_puts(out, "  ");
		put(out, s->name);
		buf_printf(out, " %s @%s: %s", s->type, s->server, s->status);
		if (s->ede != NULL)
			buf_printf(out, "; EDE %s", s->ede);
		buf_puts(out, "\n");
	}
	if (n->warning != NULL)
		buf_printf(out, "  warning: %s\n", n->warning);
	if (n->told != NULL)
		buf_printf(out, "  %s\n", n->told);
	for (size_t i = 0; i < n->addrs.count; i++)
		buf_printf(out, "  address %s\n", addr_format(&n->addrs.items[i], addr));
}

/* ---- the Service ---- */

static void text_client(struct buf *out, const struct facts *f)
{
	char addr[ADDR_TEXT_BYTES];

	if (f->client.addr.family == 0)
		return;
	buf_printf(out, "client %s", addr_format(&f->client.addr, addr));
	if (f->client.pod != NULL)
		buf_printf(out, ", pod %s/%s", f->client.ns, f->client.pod);
	buf_puts(out, f->client.on_host ? ", this host\n" : "\n");
}

static void text_endpoints(struct buf *out, const struct facts *f, const struct facts_port *p)
{
	for (size_t i = 0; p != NULL && i < p->endpoint_count; i++) {
		const struct facts_endpoint *e = &p->endpoints[i];
		if (i == ENDPOINTS_SHOWN) {
			buf_printf(out, "    and %zu more (fairlead endpoints)\n", p->endpoint_count - i);
			return;
		}
		buf_printf(out, "    %s %s%s\n", facts_address(f->arena, &e->addr, e->port, 0),
			   e->on_node ? "on this node, " : "", e->state);
	}
}

static void text_frontend(struct buf *out, const struct facts *f, const struct facts_frontend *one)
{
	const char *masquerade = verdict_masquerade(f, one);

	buf_printf(out, "  %s %s %s: %s", one->kind, facts_address(f->arena, &one->addr, one->port, one->proto),
		   one->port_name[0] != '\0' ? one->port_name : "-", one->action);
	buf_puts(out, one->restricted ? ", source ranges" : "");
	if (one->owner != NULL)
		buf_printf(out, ", owned by %s", one->owner);
	if (one->announcement != NULL)
		buf_printf(out, ", %s", one->announcement);
	buf_printf(out, "\n    masquerade: %s\n",
		   masquerade != NULL		? masquerade
		   : f->client.addr.family == 0 ? "depends on the client (--from)"
						: "no, the endpoint sees the client's address");
	text_endpoints(out, f, facts_port_of(&f->services[0], one));
}

static void text_service(struct buf *out, const struct facts *f)
{
	const struct facts_service *s = f->service_count != 0 ? &f->services[0] : NULL;
	const struct facts_frontend *one;
	char text[CIDR_TEXT_BYTES];
	size_t at = 0;

	if (s == NULL)
		return;
	buf_printf(out, "service %s/%s, %s%s\n", s->ns, s->name, s->type, s->headless ? ", headless" : "");
	for (size_t i = 0; i < s->allowed.count; i++)
		buf_printf(out, "  allowed source %s\n", cidr_format(&s->allowed.items[i], text));
	while ((one = facts_next_frontend(f, &at)) != NULL)
		text_frontend(out, f, one);
	for (size_t i = 0; i < s->unused_count && i < ENDPOINTS_SHOWN; i++) {
		buf_printf(out, "  %s not used: slice %s/%s: ", s->unused[i].address, s->unused[i].ns,
			   s->unused[i].slice);
		put(out, s->unused[i].reason);
		buf_puts(out, "\n");
	}
	for (size_t i = 0; i < s->trouble_count; i++) {
		buf_printf(out, "  %s is pod %s: ", s->troubles[i].address, s->troubles[i].pod);
		put(out, s->troubles[i].reason);
		buf_puts(out, "\n");
	}
	for (size_t i = 0; i < s->note_count; i++)
		buf_printf(out, "  %s\n", s->notes[i]);
}

/* ---- the kernel ---- */

static void text_flows(struct buf *out, const struct facts *f)
{
	const struct facts_kernel *k = &f->kernel;

	buf_printf(out, "  %zu%s open connections\n", k->flow_count, k->flows_more != 0 ? " and more" : "");
	for (size_t i = 0; i < k->flow_count && i < FLOWS_SHOWN; i++) {
		const struct facts_flow *w = &k->flows[i];
		buf_printf(out, "    %s to %s", facts_address(f->arena, &w->from, w->from_port, w->proto),
			   facts_address(f->arena, &w->answers, w->answers_port, 0));
		buf_puts(out, w->unreplied ? ", no reply yet\n" : "\n");
	}
}

static void text_kernel(struct buf *out, const struct facts *f)
{
	const struct facts_kernel *k = &f->kernel;
	char addr[ADDR_TEXT_BYTES];

	if (!k->known) {
		buf_puts(out, f->daemon.proxy ? "kernel: not readable (needs CAP_NET_ADMIN)\n"
					      : "kernel: the daemon runs with --no-proxy\n");
		return;
	}
	buf_printf(out, "kernel, table inet %s\n", f->daemon.table);
	if (k->compared != 0 && k->wrong_count == 0)
		buf_printf(out, "  %zu elements, all as the daemon wants them\n", k->compared);
	for (size_t i = 0; i < k->wrong_count && k->wrong[i] != NULL && i < 8; i++)
		buf_printf(out, "  %s\n", k->wrong[i]);
	if (k->compared != 0)
		text_flows(out, f);
	for (size_t i = 0; i < k->route_count; i++)
		buf_printf(out, "  route to %s: %s\n", addr_format(&k->routes[i].to, addr),
			   !k->routes[i].found	    ? "none"
			   : k->routes[i].local	    ? "this host"
			   : k->routes[i].interface ? k->routes[i].interface
						    : "?");
	buf_printf(out, "  forwarding: IPv4 %s, IPv6 %s\n", k->forwarding[0] == 1 ? "on" : "off",
		   k->forwarding[1] == 1 ? "on" : "off");
	for (size_t i = 0; i < k->drop_count; i++)
		buf_printf(out, "  %s: %s\n", k->drops[i].where, k->drops[i].what);
}

void explain_text(struct buf *out, const struct facts *f, const struct findings *findings)
{
	put(out, first_line(f, findings));
	buf_puts(out, "\n");
	for (size_t i = 1; i < findings->count; i++)
		buf_printf(out, "%s: %s\n", findings->items[i].severity == SEVERITY_FAULT ? "also" : "note",
			   findings->items[i].text);
	buf_puts(out, "\n");
	text_client(out, f);
	text_names(out, f);
	text_service(out, f);
	text_kernel(out, f);
}

/* ---- JSON ---- */

static void json_names(struct json *j, const struct facts *f)
{
	char addr[ADDR_TEXT_BYTES];

	json_array(j, "names");
	for (size_t i = 0; i < f->names.step_count; i++) {
		const struct facts_step *s = &f->names.steps[i];
		json_object(j, NULL);
		json_string(j, "name", s->name);
		json_string(j, "type", s->type);
		json_string(j, "server", s->server);
		json_string(j, "status", s->status);
		json_string(j, "extendedError", s->ede);
		json_end(j);
	}
	json_end(j);
	json_array(j, "addresses");
	for (size_t i = 0; i < f->names.addrs.count; i++)
		json_string(j, NULL, addr_format(&f->names.addrs.items[i], addr));
	json_end(j);
}

void explain_json(struct buf *out, const struct facts *f, const struct findings *findings)
{
	struct json j = {.out = out};

	json_object(&j, NULL);
	json_string(&j, "asked", f->asked.text);
	json_bool(&j, "fault", findings_has_fault(findings));
	json_string(&j, "verdict", first_line(f, findings));
	json_array(&j, "findings");
	for (size_t i = 0; i < findings->count; i++) {
		json_object(&j, NULL);
		json_string(&j, "rule", findings->items[i].rule);
		json_string(&j, "severity", findings->items[i].severity == SEVERITY_FAULT ? "fault" : "risk");
		json_string(&j, "text", findings->items[i].text);
		json_end(&j);
	}
	json_end(&j);
	json_names(&j, f);
	json_array(&j, "services");
	for (size_t i = 0; i < f->service_count; i++)
		json_string(&j, NULL, arena_printf(f->arena, "%s/%s", f->services[i].ns, f->services[i].name));
	json_end(&j);
	json_end(&j);
	buf_puts(out, "\n");
}
