/* Which ports of a slice no Service port leads to. */
#include "service/unmatched.h"

#include <string.h>

#define PORTS_LISTED 4

static bool has_family(const struct service_object *s, int family)
{
	if (s->headless || s->cluster_ip_count == 0)
		return true;
	for (size_t i = 0; i < s->cluster_ip_count; i++)
		if (s->cluster_ips[i].family == family)
			return true;
	for (size_t i = 0; i < s->external_ip_count; i++)
		if (s->external_ips[i].family == family)
			return true;
	for (size_t i = 0; i < s->ingress_count; i++)
		if (s->ingress[i].addr.family == family)
			return true;
	return false;
}

enum unmatched unmatched_why(const struct service_object *s, const struct slice_object *e,
			     const struct slice_port_object *port)
{
	bool named = false;

	if (s->type == SERVICE_EXTERNAL_NAME)
		return UNMATCHED_TYPE;
	if (!has_family(s, e->family))
		return UNMATCHED_FAMILY;
	if (s->headless) /* DNS takes the slice's ports */
		return UNMATCHED_NOT;
	for (size_t i = 0; i < s->port_count; i++) {
		if (strcmp(s->ports[i].name, port->name) != 0)
			continue;
		if (s->ports[i].proto == port->proto)
			return UNMATCHED_NOT;
		named = true;
	}
	return named ? UNMATCHED_PROTOCOL : UNMATCHED_NAME;
}

static void list_ports(struct buf *out, const struct service_object *s)
{
	for (size_t i = 0; i < s->port_count && i < PORTS_LISTED; i++)
		buf_printf(out, "%s%s/%s", i != 0 ? ", " : "", s->ports[i].name[0] != '\0' ? s->ports[i].name : "\"\"",
			   proto_name(s->ports[i].proto));
	if (s->port_count > PORTS_LISTED)
		buf_puts(out, ", …");
}

void unmatched_format(struct buf *out, enum unmatched why, const struct service_object *s, const struct slice_object *e,
		      const struct slice_port_object *port)
{
	switch (why) {
	case UNMATCHED_TYPE:
		buf_puts(out, "the Service is of type ExternalName");
		break;
	case UNMATCHED_FAMILY:
		buf_printf(out, "the Service has no %s address", e->family == AF_INET ? "IPv4" : "IPv6");
		break;
	case UNMATCHED_NAME:
		buf_printf(out, "its port name \"%s\" is none of the Service's: ", port->name);
		list_ports(out, s);
		break;
	case UNMATCHED_PROTOCOL:
		buf_printf(out, "its port \"%s\" is %s, the Service has ", port->name, proto_name(port->proto));
		list_ports(out, s);
		break;
	case UNMATCHED_NOT:
		break;
	}
}
