/* JSON of compiled services: `-o json` of the asking commands. */
#include "proxy/show.h"
#include "proxy/address_notes.h"
#include "proxy/show_count.h"
#include "proxy/show_table.h"

static void json_addr(struct json *j, const char *key, const struct addr *a)
{
	char text[ADDR_TEXT_BYTES];

	json_string(j, key, addr_format(a, text));
}

static void json_announced(struct json *j, const struct frontend *f, const struct show_context *context)
{
	struct buf text = {0};
	bool is_announced;

	if (context == NULL || context->announced == NULL || !context->announced(context->ctx, f, &is_announced, &text))
		return;
	json_bool(j, "announced", is_announced);
	json_string(j, "announcement", text.data);
	buf_fini(&text);
}

static void json_frontend(struct json *j, const struct service *s, const struct frontend *f,
			  const struct show_context *context)
{
	const struct service *owner =
		context != NULL && context->owners != NULL ? owners_find(context->owners, &f->key) : NULL;
	uint64_t connections;

	json_object(j, NULL);
	json_string(j, "kind", print_frontend_kind(f));
	json_addr(j, "address", &f->key.addr);
	json_string(j, "protocol", proto_name(f->key.proto));
	json_number(j, "port", f->key.port);
	json_string(j, "portName", s->ports[f->service_port].name);
	json_string(j, "action", print_frontend_action(f));
	json_bool(j, "source-ranges", f->restricted);
	json_number(j, "slots", f->pool != NULL ? f->pool->count : 0);
	if (f->split)
		json_number(j, "internalSlots", f->internal->count);
	if (owner != NULL && owner != s) {
		json_object(j, "ownedBy");
		json_string(j, "namespace", owner->ns);
		json_string(j, "name", owner->name);
		json_end(j);
	}
	json_announced(j, f, context);
	if (print_count_frontend(context, &f->key, &connections))
		json_number(j, "connections", (int64_t)connections);
	json_end(j);
}

/* What is known of the targets of one port, beside the service. */
struct port_slots {
	struct slot_index cluster, local;
	const struct target_counts *counts;
	const struct endpoint_reasons *reasons; /* NULL: none */
};

static void json_target(struct json *j, const struct service *s, size_t port, uint32_t at, const struct port_slots *v)
{
	const struct service_port *p = &s->ports[port];
	const struct target *t = &p->targets[at];
	uint64_t connections;

	json_object(j, NULL);
	json_addr(j, "address", &t->addr);
	json_number(j, "port", t->port);
	json_string(j, "state", service_target_state(p, t));
	const char *reason =
		v->reasons != NULL && (t->flags & TARGET_READY) == 0 ? endpoint_reason(v->reasons, &t->addr) : NULL;
	if (reason != NULL)
		json_string(j, "reason", reason);
	json_bool(j, "ready", (t->flags & TARGET_READY) != 0);
	json_bool(j, "serving", (t->flags & TARGET_SERVING) != 0);
	json_bool(j, "terminating", (t->flags & TARGET_TERMINATING) != 0);
	json_bool(j, "onThisNode", (t->flags & TARGET_ON_NODE) != 0);
	json_number(j, "slots", slot_index_count(&v->cluster, at));
	json_number(j, "localSlots", slot_index_count(&v->local, at));
	if (target_counts_get(v->counts, port, at, &connections))
		json_number(j, "connections", (int64_t)connections);
	json_end(j);
}

static void json_targets(struct json *j, const struct service *s, size_t port, const struct target_counts *counts,
			 const struct endpoint_reasons *reasons)
{
	const struct service_port *p = &s->ports[port];
	struct port_slots v = {slot_index_new(&p->cluster, p->target_count), slot_index_new(&p->local, p->target_count),
			       counts, reasons};

	json_array(j, "endpoints");
	for (uint32_t k = 0; k < p->target_count; k++)
		json_target(j, s, port, k, &v);
	json_end(j);
	slot_index_free(&v.cluster);
	slot_index_free(&v.local);
}

static void json_ports(struct json *j, const struct service *s, const struct show_context *context)
{
	struct target_counts counts = target_counts_new(context, s);

	json_array(j, "ports");
	for (size_t i = 0; i < s->port_count; i++) {
		const struct service_port *p = &s->ports[i];
		json_object(j, NULL);
		json_string(j, "name", p->name);
		json_string(j, "protocol", proto_name(p->proto));
		json_number(j, "port", p->port);
		json_number(j, "nodePort", p->node_port);
		json_string(j, "family", p->family == AF_INET ? "IPv4" : "IPv6");
		json_targets(j, s, i, &counts, context != NULL ? context->reasons : NULL);
		json_end(j);
	}
	json_end(j);
	target_counts_free(&counts);
}

static void json_dns_ports(struct json *j, const struct dns_port *ports, size_t count)
{
	json_array(j, "ports");
	for (size_t i = 0; i < count; i++) {
		json_object(j, NULL);
		json_string(j, "name", ports[i].name);
		json_string(j, "protocol", proto_name(ports[i].proto));
		json_number(j, "port", ports[i].port);
		json_end(j);
	}
	json_end(j);
}

static void json_dns(struct json *j, const struct service *s)
{
	json_object(j, "dns");
	if (s->external_name != NULL)
		json_string(j, "externalName", s->external_name);
	json_bool(j, "headless", s->dns_kind == DNS_HEADLESS);
	json_number(j, "notReady", s->dns_not_ready);
	json_dns_ports(j, s->dns_ports, s->dns_service_ports);
	json_array(j, "endpoints");
	for (size_t i = 0; i < s->dns_endpoint_count; i++) {
		const struct dns_endpoint *e = &s->dns_endpoints[i];
		json_object(j, NULL);
		json_string(j, "label", e->label);
		json_addr(j, "address", &e->addr);
		json_dns_ports(j, &s->dns_ports[e->ports_at], e->port_count);
		json_end(j);
	}
	json_end(j);
	json_end(j);
}

static void json_options(struct json *j, const struct service *s)
{
	char text[CIDR_TEXT_BYTES];
	int64_t left_out = 0;
	const char *why;

	json_string(j, "kind", table_kind(NULL, s, &why));
	json_bool(j, "proxied", s->proxied);
	json_string(j, "balance", s->maglev ? "maglev" : "random");
	if (s->maglev)
		json_number(j, "maglevSlots", s->maglev_slots);
	if (s->affinity)
		json_number(j, "affinitySeconds", s->affinity_timeout_s);
	if (s->health_check_node_port != 0) {
		json_number(j, "healthCheckNodePort", s->health_check_node_port);
		json_number(j, "localReadyIPv4", s->local_ready_addrs[0]);
		json_number(j, "localReadyIPv6", s->local_ready_addrs[1]);
	}
	for (size_t i = 0; i < s->port_count; i++)
		left_out += s->ports[i].left_out;
	if (left_out != 0)
		json_number(j, "endpointsLeftOut", left_out);
	json_array(j, "clusterIPs");
	for (size_t i = 0; i < s->cluster_ip_count; i++)
		json_addr(j, NULL, &s->cluster_ips[i]);
	json_end(j);
	json_array(j, "addressNotes");
	for (size_t i = 0; i < s->note_count; i++) {
		struct buf note = {0};
		address_note_format(&note, &s->notes[i]);
		json_string(j, NULL, note.data);
		buf_fini(&note);
	}
	json_end(j);
	json_array(j, "allowedSources");
	for (size_t i = 0; i < s->source_range_count; i++)
		json_string(j, NULL, cidr_format(&s->source_ranges[i], text));
	json_end(j);
}

void print_service_json(struct json *j, const char *key, const struct service *s, const struct show_context *context)
{
	json_object(j, key);
	json_string(j, "namespace", s->ns);
	json_string(j, "name", s->name);
	json_options(j, s);
	json_array(j, "frontends");
	for (size_t i = 0; i < s->frontend_count; i++)
		json_frontend(j, s, &s->frontends[i], context);
	json_end(j);
	if (context == NULL || !context->brief) {
		json_ports(j, s, context);
		json_dns(j, s);
		if (context != NULL && context->more != NULL)
			context->more(j, context->ctx, s);
	}
	json_end(j);
}
