/* The daemon's answers, as facts. */
#include "cli/explain/gather.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "watch/decode/json.h"

/* ---- JSON ---- */

static const char *text_of(const struct value *v, const char *key)
{
	const struct value *entry = value_get(v, key);

	return entry != NULL && entry->text != NULL ? entry->text : NULL;
}

static const char *text_or(const struct value *v, const char *key, const char *otherwise)
{
	const char *text = text_of(v, key);

	return text != NULL ? text : otherwise;
}

static int64_t number_of(const struct value *v, const char *key, int64_t otherwise)
{
	const struct value *entry = value_get(v, key);

	return entry != NULL && entry->type == VALUE_NUMBER && entry->whole ? entry->integer : otherwise;
}

static bool bool_of(const struct value *v, const char *key)
{
	const struct value *entry = value_get(v, key);

	return entry != NULL && entry->type == VALUE_BOOL && entry->boolean;
}

static size_t count_of(const struct value *list)
{
	return list != NULL && list->type == VALUE_LIST ? list->count : 0;
}

static struct addr addr_of(const struct value *v, const char *key)
{
	struct addr a = {0};

	addr_parse(&a, text_or(v, key, ""));
	return a;
}

static struct addr_list addrs_of(struct facts *f, const struct value *list)
{
	struct addr_list out = {.items = arena_array(f->arena, count_of(list) + 1, sizeof *out.items)};

	for (const struct value *v = count_of(list) != 0 ? list->first : NULL; v != NULL; v = v->next)
		out.count += v->text != NULL && addr_parse(&out.items[out.count], v->text);
	return out;
}

static struct cidr_list cidrs_of(struct facts *f, const struct value *list)
{
	struct cidr_list out = {.items = arena_array(f->arena, count_of(list) + 1, sizeof *out.items)};

	for (const struct value *v = count_of(list) != 0 ? list->first : NULL; v != NULL; v = v->next)
		out.count += v->text != NULL && cidr_parse(&out.items[out.count], v->text);
	return out;
}

/* NULL: no answer that can be read. */
static const struct value *ask(struct facts *f, const char *control, const char *request, int *code)
{
	struct buf body = {0};
	const struct value *v = NULL;
	size_t error_at;

	*code = cli_ask(control, request, &body);
	if (*code == EXIT_YES)
		v = json_parse(body.data, body.length_bytes, f->arena, &error_at);
	else if (*code == EXIT_NO_DAEMON)
		fprintf(stderr, "fairlead explain: %s", body.data);
	buf_fini(&body);
	return v;
}

/* ---- the daemon ---- */

static void read_listen(struct facts *f, const struct value *list)
{
	struct addr_port_list *out = &f->daemon.dns_listen;

	out->items = arena_array(f->arena, count_of(list) + 1, sizeof *out->items);
	for (const struct value *v = count_of(list) != 0 ? list->first : NULL; v != NULL; v = v->next) {
		struct addr_port *item = &out->items[out->count];
		item->port = DNS_PORT;
		out->count += v->text != NULL && addr_port_parse(&item->addr, &item->port, v->text);
	}
}

static void read_daemon(struct facts *f, const struct value *v)
{
	const struct value *source = value_get(v, "source");
	struct facts_daemon *d = &f->daemon;

	d->domain = text_or(v, "domain", "cluster.local");
	d->table = text_or(v, "table", "fairlead");
	d->complete = bool_of(v, "complete");
	d->in_sync = bool_of(v, "inSync");
	d->proxy = bool_of(v, "proxy");
	d->dns = bool_of(v, "dns");
	d->server = text_of(source, "server");
	d->reachable = bool_of(source, "reachable");
	d->problem = text_or(source, "problem", "");
	d->heard_ms_ago = number_of(source, "heardMillisAgo", -1);
	d->negative_ttl_s = number_of(v, "negativeTTLSeconds", 0);
	d->masquerade_all = bool_of(v, "masqueradeAll");
	read_listen(f, value_get(v, "dnsListen"));
	d->cluster_dns = addrs_of(f, value_get(v, "clusterDNS"));
	d->node_port_addrs = addrs_of(f, value_get(v, "nodePortAddresses"));
	d->service_cidrs = cidrs_of(f, value_get(v, "serviceCIDRs"));
	d->pod_cidrs = cidrs_of(f, value_get(v, "podCIDRs"));
	d->networks = cidrs_of(f, value_get(v, "networks"));
}

/* ---- the client ---- */

static bool read_client(struct facts *f, const struct config *c, const struct gather_flags *flags)
{
	const char *which = flags->from;
	int code;

	f->client.ns = flags->ns != NULL ? flags->ns : "default";
	if (which == NULL)
		return true;
	bool is_addr = addr_parse(&f->client.addr, which);
	if (!is_addr && strchr(which, '/') == NULL)
		which = arena_printf(f->arena, "%s/%s", f->client.ns, which);
	const struct value *v = ask(f, c->control, arena_printf(f->arena, "explain-client %s", which), &code);
	if (v == NULL && !is_addr)
		fprintf(stderr, "fairlead explain: --from %s: no pod that the daemon knows; give its address\n",
			flags->from);
	if (v == NULL)
		return is_addr;
	f->client.pod = text_of(v, "name");
	if (flags->ns == NULL)
		f->client.ns = text_or(v, "namespace", "default");
	const struct addr_list addrs = addrs_of(f, value_get(v, "addresses"));
	if (!is_addr && addrs.count != 0)
		f->client.addr = addrs.items[0];
	return true;
}

bool gather_daemon(struct facts *f, struct config *c, const struct gather_flags *flags)
{
	int code;
	const struct value *v = ask(f, c->control, "explain node", &code);

	if (v == NULL)
		return false;
	read_daemon(f, v);
	return read_client(f, c, flags);
}

/* ---- Services ---- */

static void read_frontends(struct facts *f, struct facts_service *s, const struct value *list)
{
	s->frontends = arena_array(f->arena, count_of(list) + 1, sizeof *s->frontends);
	for (const struct value *v = count_of(list) != 0 ? list->first : NULL; v != NULL; v = v->next) {
		const struct value *owner = value_get(v, "ownedBy");
		s->frontends[s->frontend_count++] = (struct facts_frontend){
			.kind = text_or(v, "kind", ""),
			.action = text_or(v, "action", ""),
			.port_name = text_or(v, "portName", ""),
			.addr = addr_of(v, "address"),
			.port = (uint16_t)number_of(v, "port", 0),
			.proto = proto_parse(text_or(v, "protocol", "")),
			.restricted = bool_of(v, "source-ranges"),
			.slots = number_of(v, "slots", 0),
			.internal_slots = number_of(v, "internalSlots", 0),
			.announcement = text_or(v, "announcement", NULL),
			.announced = bool_of(v, "announced"),
			.owner = owner != NULL ? arena_printf(f->arena, "%s/%s", text_or(owner, "namespace", ""),
							      text_or(owner, "name", ""))
					       : NULL};
	}
}

static void read_endpoints(struct facts *f, struct facts_port *p, const struct value *list)
{
	p->endpoints = arena_array(f->arena, count_of(list) + 1, sizeof *p->endpoints);
	for (const struct value *v = count_of(list) != 0 ? list->first : NULL; v != NULL; v = v->next)
		p->endpoints[p->endpoint_count++] =
			(struct facts_endpoint){.addr = addr_of(v, "address"),
						.port = (uint16_t)number_of(v, "port", 0),
						.state = text_or(v, "state", ""),
						.ready = bool_of(v, "ready"),
						.serving = bool_of(v, "serving"),
						.terminating = bool_of(v, "terminating"),
						.on_node = bool_of(v, "onThisNode"),
						.slots = number_of(v, "slots", 0),
						.local_slots = number_of(v, "localSlots", 0)};
}

static struct facts_port *read_ports(struct facts *f, const struct value *list, size_t *count)
{
	struct facts_port *ports = arena_array(f->arena, count_of(list) + 1, sizeof *ports);

	for (const struct value *v = count_of(list) != 0 ? list->first : NULL; v != NULL; v = v->next) {
		const char *family = text_or(v, "family", "");
		struct facts_port *p = &ports[(*count)++];
		*p = (struct facts_port){.name = text_or(v, "name", ""),
					 .target_port = text_or(v, "targetPort", ""),
					 .port = (uint16_t)number_of(v, "port", 0),
					 .node_port = (uint16_t)number_of(v, "nodePort", 0),
					 .proto = proto_parse(text_or(v, "protocol", "")),
					 .family = strcmp(family, "IPv4") == 0	 ? AF_INET
						   : strcmp(family, "IPv6") == 0 ? AF_INET6
										 : 0};
		read_endpoints(f, p, value_get(v, "endpoints"));
	}
	return ports;
}

static void read_unused(struct facts *f, struct facts_service *s, const struct value *list)
{
	s->unused = arena_array(f->arena, count_of(list) + 1, sizeof *s->unused);
	for (const struct value *v = count_of(list) != 0 ? list->first : NULL; v != NULL; v = v->next)
		s->unused[s->unused_count++] =
			(struct facts_unused){text_or(v, "address", ""), text_or(v, "slice", ""),
					      text_or(v, "namespace", ""), text_or(v, "reason", "")};
}

static void read_troubles(struct facts *f, struct facts_service *s, const struct value *list)
{
	s->troubles = arena_array(f->arena, count_of(list) + 1, sizeof *s->troubles);
	for (const struct value *v = count_of(list) != 0 ? list->first : NULL; v != NULL; v = v->next)
		s->troubles[s->trouble_count++] = (struct facts_trouble){
			text_or(v, "address", ""), text_or(v, "pod", ""), text_or(v, "reason", "")};
}

static void read_elements(struct facts *f, struct facts_service *s, const struct value *list)
{
	s->elements = arena_array(f->arena, count_of(list) + 1, sizeof *s->elements);
	for (const struct value *v = count_of(list) != 0 ? list->first : NULL; v != NULL; v = v->next)
		s->elements[s->element_count++] = (struct facts_element){.addr = addr_of(v, "address"),
									 .set = (uint8_t)number_of(v, "set", 0),
									 .proto = (uint8_t)number_of(v, "protocol", 0),
									 .port = (uint16_t)number_of(v, "port", 0),
									 .slot = (uint32_t)number_of(v, "slot", 0),
									 .text = text_or(v, "text", "")};
}

static void read_texts(struct facts *f, const struct value *list, const char ***texts, size_t *count)
{
	*texts = arena_array(f->arena, count_of(list) + 1, sizeof **texts);
	for (const struct value *v = count_of(list) != 0 ? list->first : NULL; v != NULL; v = v->next)
		if (v->text != NULL)
			(*texts)[(*count)++] = v->text;
}

static void read_service(struct facts *f, struct facts_service *s, const struct value *v)
{
	const struct value *object = value_get(v, "object"), *dns = value_get(v, "dns");

	*s = (struct facts_service){
		.ns = text_or(v, "namespace", ""),
		.name = text_or(v, "name", ""),
		.type = text_or(object, "type", ""),
		.external_name = text_of(dns, "externalName"),
		.refusal = text_of(object, "refusal"),
		.appeared_ms_ago = number_of(object, "appearedMillisAgo", -1),
		.headless = bool_of(object, "headless"),
		.proxied = bool_of(v, "proxied"),
		.external_local = strcmp(text_or(object, "externalTrafficPolicy", ""), "Local") == 0,
		.internal_local = strcmp(text_or(object, "internalTrafficPolicy", ""), "Local") == 0,
		.slices = number_of(object, "slices", 0),
		.slice_endpoints = number_of(object, "sliceEndpoints", 0),
		.dns_not_ready = number_of(dns, "notReady", 0),
		.dns_ready = (int64_t)count_of(value_get(dns, "endpoints")),
	};
	read_frontends(f, s, value_get(v, "frontends"));
	s->ports = read_ports(f, value_get(v, "ports"), &s->port_count);
	s->wanted = read_ports(f, value_get(object, "ports"), &s->wanted_count);
	read_unused(f, s, value_get(v, "unusedEndpoints"));
	read_troubles(f, s, value_get(v, "troubles"));
	read_elements(f, s, value_get(v, "elements"));
	read_texts(f, value_get(v, "addressNotes"), &s->notes, &s->note_count);
	s->cluster_ips = addrs_of(f, value_get(v, "clusterIPs"));
	s->allowed = cidrs_of(f, value_get(v, "allowedSources"));
}

/* The Service that owns what was asked comes first. */
static bool owns_asked(const struct facts *f, const struct facts_service *s)
{
	for (size_t i = 0; i < s->frontend_count; i++) {
		const struct facts_frontend *one = &s->frontends[i];
		if (one->owner == NULL && addr_equal(&one->addr, &f->asked.addr) &&
		    (f->asked.port == 0 || f->asked.port == one->port))
			return true;
	}
	return false;
}

static void read_services(struct facts *f, const struct value *v)
{
	const struct value *list = value_get(v, "services");

	f->services = arena_array(f->arena, count_of(list) + 1, sizeof *f->services);
	f->service_count = f->namesake_count = 0;
	for (const struct value *one = count_of(list) != 0 ? list->first : NULL; one != NULL; one = one->next)
		read_service(f, &f->services[f->service_count++], one);
	for (size_t i = 1; f->asked.name == NULL && i < f->service_count; i++) {
		if (owns_asked(f, &f->services[0]) || !owns_asked(f, &f->services[i]))
			continue;
		struct facts_service first = f->services[i];
		f->services[i] = f->services[0];
		f->services[0] = first;
	}
	read_texts(f, value_get(v, "namesakes"), &f->namesakes, &f->namesake_count);
}

void gather_services(struct facts *f, const struct config *c)
{
	char addr[ADDR_TEXT_BYTES];
	const char *request;
	int code;

	if (f->asked.name == NULL)
		request = arena_printf(f->arena, "explain address %s %u", addr_format(&f->asked.addr, addr),
				       f->asked.port);
	else if (f->names.service != NULL)
		request = arena_printf(f->arena, "explain service %s/%s", f->names.ns, f->names.service);
	else
		return;
	read_services(f, ask(f, c->control, request, &code));
}
