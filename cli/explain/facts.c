/* Looks things up in the facts. Pure. */
#include "cli/explain/facts.h"

#include <string.h>

static bool frontend_asked(const struct facts *f, const struct facts_frontend *one)
{
	if (f->asked.port != 0 && one->port != f->asked.port)
		return false;
	if (f->asked.proto != 0 && one->proto != f->asked.proto)
		return false;
	if (f->asked.name == NULL)
		return addr_equal(&one->addr, &f->asked.addr);
	if (f->names.addrs.count == 0)
		return strcmp(one->kind, "cluster-ip") == 0;
	for (size_t i = 0; i < f->names.addrs.count; i++)
		if (addr_equal(&one->addr, &f->names.addrs.items[i]))
			return true;
	return false;
}

const struct facts_frontend *facts_next_frontend(const struct facts *f, size_t *at)
{
	const struct facts_service *s = f->service_count != 0 ? &f->services[0] : NULL;

	while (s != NULL && *at < s->frontend_count) {
		const struct facts_frontend *one = &s->frontends[(*at)++];
		if (frontend_asked(f, one))
			return one;
	}
	return NULL;
}

const struct facts_port *facts_port_of(const struct facts_service *s, const struct facts_frontend *f)
{
	for (size_t i = 0; i < s->port_count; i++) {
		const struct facts_port *p = &s->ports[i];
		if (p->family == f->addr.family && p->proto == f->proto && strcmp(p->name, f->port_name) == 0)
			return p;
	}
	return NULL;
}

bool facts_in(const struct cidr_list *list, const struct addr *a)
{
	for (size_t i = 0; i < list->count; i++)
		if (cidr_contains(&list->items[i], a))
			return true;
	return false;
}

bool facts_is_host(const struct facts *f, const struct addr *a)
{
	for (size_t i = 0; i < f->kernel.host.count; i++)
		if (addr_equal(&f->kernel.host.items[i], a))
			return true;
	return false;
}

bool facts_client_inside(const struct facts *f)
{
	return f->client.on_host || f->client.pod != NULL ||
	       (f->client.addr.family != 0 && facts_in(&f->daemon.pod_cidrs, &f->client.addr));
}

const char *facts_address(struct arena *a, const struct addr *addr, uint16_t port, uint8_t proto)
{
	char text[ADDR_PORT_TEXT_BYTES];

	if (port == 0)
		return arena_strdup(a, addr_format(addr, text));
	addr_port_format(addr, port, text);
	return proto != 0 ? arena_printf(a, "%s/%s", text, proto_name(proto)) : arena_strdup(a, text);
}
