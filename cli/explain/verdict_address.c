/* Faults between an address and a Service: does fairlead serve it here? */
#include "cli/explain/verdict.h"

#include <string.h>

#include "base/buf.h"

static const char *asked(const struct facts *f)
{
	return facts_address(f->arena, &f->asked.addr, f->asked.port, f->asked.proto);
}

static const char *list_addrs(const struct facts *f, const struct addr_list *list)
{
	struct buf out = {0};
	char text[ADDR_TEXT_BYTES];

	for (size_t i = 0; i < list->count; i++)
		buf_printf(&out, "%s%s", i != 0 ? ", " : "", addr_format(&list->items[i], text));
	const char *kept = arena_strdup(f->arena, out.data != NULL ? out.data : "no address");
	buf_fini(&out);
	return kept;
}

/* ---- nothing there ---- */

static void no_service(const struct facts *f, struct findings *out)
{
	const struct facts_daemon *d = &f->daemon;
	char text[CIDR_TEXT_BYTES];

	for (size_t i = 0; i < d->service_cidrs.count; i++) {
		if (!cidr_contains(&d->service_cidrs.items[i], &f->asked.addr))
			continue;
		findings_add(out, "unallocated", SEVERITY_FAULT,
			     "%s is an unallocated address: in the service range %s, and no Service has it; packets to "
			     "it are dropped",
			     asked(f), cidr_format(&d->service_cidrs.items[i], text));
		return;
	}
	if (facts_is_host(f, &f->asked.addr))
		findings_add(out, "host-address", SEVERITY_FAULT,
			     "%s is held by this host itself, and no Service has it: what listens here answers",
			     asked(f));
	else
		findings_add(out, "no-service", SEVERITY_FAULT,
			     "no Service has the address %s: fairlead does not touch packets to it", asked(f));
}

/* ---- a Service that has no such frontend ---- */

static const char *list_ports(const struct facts *f, const struct facts_service *s)
{
	struct buf out = {0};

	for (size_t i = 0; i < s->wanted_count; i++)
		buf_printf(&out, "%s%u/%s", i != 0 ? ", " : "", s->wanted[i].port, proto_name(s->wanted[i].proto));
	const char *text = arena_strdup(f->arena, out.data != NULL ? out.data : "none");
	buf_fini(&out);
	return text;
}

static bool refused_address(const struct facts *f, const struct facts_service *s, struct findings *out)
{
	char address[ADDR_TEXT_BYTES];

	if (f->asked.name != NULL)
		return false;
	addr_format(&f->asked.addr, address);
	for (size_t i = 0; i < s->note_count; i++) {
		const char *at = strstr(s->notes[i], address);
		if (at == NULL || strchr(": ", at[strlen(address)]) == NULL || strstr(at, "refused") == NULL)
			continue;
		if (facts_is_host(f, &f->asked.addr))
			findings_add(out, "host-address", SEVERITY_FAULT,
				     "%s is held by this host itself, so Service %s/%s does not get it here: %s",
				     asked(f), s->ns, s->name, s->notes[i]);
		else
			findings_add(out, "refused-address", SEVERITY_FAULT,
				     "Service %s/%s does not get the address: %s", s->ns, s->name, s->notes[i]);
		return true;
	}
	return false;
}

static bool headless(const struct facts *f, const struct facts_service *s, struct findings *out)
{
	const struct facts_port *p = s->wanted_count != 0 ? &s->wanted[0] : NULL;

	for (size_t i = 0; i < s->wanted_count; i++)
		if (f->asked.port == s->wanted[i].port)
			p = &s->wanted[i];
	if (!s->headless || s->dns_ready == 0)
		return s->headless;
	if (f->asked.port == 0 || p == NULL || strcmp(p->target_port, arena_printf(f->arena, "%u", f->asked.port)) == 0)
		return true; /* its names lead to the endpoints, and the port is theirs */
	findings_add(
		out, "headless", SEVERITY_FAULT,
		"Service %s/%s is headless: it has no virtual address, its name leads to the endpoints themselves and "
		"no port is translated: dial the endpoints' port %s, not %u",
		s->ns, s->name, p->target_port, f->asked.port);
	return true;
}

static bool not_served(const struct facts *f, const struct facts_service *s, struct findings *out)
{
	if (headless(f, s, out))
		return true;
	if (s->external_name != NULL || strcmp(s->type, "ExternalName") == 0)
		return true; /* DNS is all there is of it */
	if (s->refusal != NULL && s->frontend_count == 0)
		findings_add(out, "quarantine", SEVERITY_FAULT, "Service %s/%s is not programmed: %s", s->ns, s->name,
			     s->refusal);
	else if (!s->proxied)
		findings_add(out, "not-proxied", SEVERITY_FAULT,
			     "Service %s/%s is not served by this proxy: it has no ClusterIP or no port, or another "
			     "proxy's label",
			     s->ns, s->name);
	else
		return false;
	return true;
}

static void wrong_port(const struct facts *f, const struct facts_service *s, struct findings *out)
{
	findings_add(out, "wrong-port", SEVERITY_FAULT, "wrong port: Service %s/%s has no port %u%s%s; it has %s",
		     s->ns, s->name, f->asked.port, f->asked.proto != 0 ? "/" : "",
		     f->asked.proto != 0 ? proto_name(f->asked.proto) : "", list_ports(f, s));
}

static bool only_node_port(const struct facts *f, const struct facts_service *s)
{
	for (size_t i = 0; i < s->frontend_count; i++)
		if (strcmp(s->frontends[i].kind, "node-port") != 0 && addr_equal(&s->frontends[i].addr, &f->asked.addr))
			return false;
	return true;
}

static void no_frontend(const struct facts *f, struct findings *out)
{
	const struct facts_service *s = &f->services[0];

	if (not_served(f, s, out) || refused_address(f, s, out))
		return;
	if (f->asked.name == NULL && only_node_port(f, s))
		findings_add(out, "node-port-address", SEVERITY_FAULT,
			     "%u is a node port of Service %s/%s, but not on %s: this node serves node ports on %s "
			     "(--nodeport-addresses)",
			     f->asked.port, s->ns, s->name, asked(f), list_addrs(f, &f->daemon.node_port_addrs));
	else if (f->asked.port != 0)
		wrong_port(f, s, out);
}

/* ---- a Service that has it ---- */

static bool is_asked(const struct facts *f, const struct facts_frontend *one)
{
	size_t at = 0;

	for (const struct facts_frontend *x = facts_next_frontend(f, &at); x != NULL; x = facts_next_frontend(f, &at))
		if (x == one)
			return true;
	return false;
}

static void owned(const struct facts *f, const struct facts_service *s, const struct facts_frontend *one,
		  struct findings *out)
{
	findings_add(out, "port-owned", is_asked(f, one) ? SEVERITY_FAULT : SEVERITY_RISK,
		     "%s is owned by another Service, %s, which asked first: %s/%s does not get it",
		     facts_address(f->arena, &one->addr, one->port, one->proto), one->owner, s->ns, s->name);
}

/* Of the Service itself all; of others that ask for the same address, those that are about it. */
static void owned_by_others(const struct facts *f, struct findings *out)
{
	for (size_t i = 0; i < f->service_count; i++)
		for (size_t k = 0; k < f->services[i].frontend_count; k++) {
			const struct facts_frontend *one = &f->services[i].frontends[k];
			if (one->owner != NULL && (i == 0 || (addr_equal(&one->addr, &f->asked.addr) &&
							      (f->asked.port == 0 || f->asked.port == one->port))))
				owned(f, &f->services[i], one, out);
		}
}

void verdict_address(const struct facts *f, struct findings *out)
{
	size_t at = 0;

	if (f->service_count == 0) {
		if (f->asked.name == NULL)
			no_service(f, out);
		return;
	}
	owned_by_others(f, out);
	if (facts_next_frontend(f, &at) == NULL)
		no_frontend(f, out);
	else if (f->services[0].refusal != NULL)
		findings_add(out, "quarantine", SEVERITY_RISK,
			     "an older version of Service %s/%s is in force; the newest is not programmed: %s",
			     f->services[0].ns, f->services[0].name, f->services[0].refusal);
}
