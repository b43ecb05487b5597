/* Prints compiled services and elements as text. */
#include "tests/unit/show_lab.h"

#include "proxy/address_notes.h"
#include "proxy/show.h"
#include "proxy/show_count.h"

#define SLOTS_SHOWN 8u /* weights and Maglev: the number is enough */

/* ---- frontends ---- */

static void put_pools(struct buf *out, const struct service *s, const struct frontend *f)
{
	uint32_t outside = f->pool != NULL ? f->pool->count : 0;

	if (f->split)
		buf_printf(out, "outside %u (%s), inside %u", outside, f->action == ACTION_DROP ? "drop" : "balance",
			   f->internal->count);
	else if (f->pool != NULL && s->maglev)
		buf_printf(out, "maglev, %u slots", outside);
	else if (f->pool != NULL)
		buf_printf(out, "%u of %u slots", outside, f->pool->size);
	else
		buf_puts(out, "-");
}

static void put_owner(struct buf *out, const struct service *s, const struct frontend *f,
		      const struct show_context *context)
{
	const struct service *owner =
		context != NULL && context->owners != NULL ? owners_find(context->owners, &f->key) : NULL;

	if (owner != NULL && owner != s)
		buf_printf(out, ", owned by %s/%s", owner->ns, owner->name);
}

/* What the frontends do not say. */
static void put_notes(struct buf *out, const struct service *s)
{
	if (s->maglev && s->maglev_slots < MAGLEV_SIZE_USUAL)
		buf_printf(out, "%s/%s maglev tables of %u slots: with %u it is above --max-service-elements\n", s->ns,
			   s->name, s->maglev_slots, s->maglev_slots * MAGLEV_SIZE_STEP);
	for (size_t i = 0; i < s->note_count; i++) {
		buf_printf(out, "%s/%s ", s->ns, s->name);
		address_note_format(out, &s->notes[i]);
		buf_puts(out, "\n");
	}
	for (size_t i = 0; i < s->port_count; i++) {
		if (s->ports[i].left_out == 0)
			continue;
		buf_printf(out, "%s/%s ", s->ns, s->name);
		left_out_format(out, &s->ports[i]);
		buf_puts(out, "\n");
	}
}

void print_frontends(struct buf *out, const struct service *s, const struct show_context *context)
{
	char addr[ADDR_PORT_TEXT_BYTES];
	uint64_t connections;

	for (size_t i = 0; i < s->frontend_count; i++) {
		const struct frontend *f = &s->frontends[i];
		const char *port = s->ports[f->service_port].name;
		buf_printf(out, "%s/%s %s %s/%s %s %s: ", s->ns, s->name, print_frontend_kind(f),
			   addr_port_format(&f->key.addr, f->key.port, addr), proto_name(f->key.proto),
			   port[0] != '\0' ? port : "-", print_frontend_action(f));
		put_pools(out, s, f);
		buf_puts(out, f->restricted ? ", source ranges" : "");
		put_owner(out, s, f, context);
		if (print_count_frontend(context, &f->key, &connections))
			buf_printf(out, ", %llu connections", (unsigned long long)connections);
		buf_puts(out, "\n");
	}
	put_notes(out, s);
}

/* ---- endpoints ---- */

static void put_slots(struct buf *out, const char *name, const struct slot_index *x, uint32_t target)
{
	const uint32_t count = slot_index_count(x, target), *slots = x->slots + x->first[target];

	for (uint32_t i = 0; i < count && i < SLOTS_SHOWN; i++)
		buf_printf(out, "%s%s%u", i == 0 ? ", " : ",", i == 0 ? name : "", slots[i]);
	if (count > SLOTS_SHOWN)
		buf_puts(out, ",…");
}

static void put_target(struct buf *out, const struct service_port *p, uint32_t at)
{
	const struct target *t = &p->targets[at];
	char addr[ADDR_PORT_TEXT_BYTES];

	buf_printf(out, "  %s %s%s", addr_port_format(&t->addr, t->port, addr),
		   (t->flags & TARGET_ON_NODE) != 0 ? "on this node, " : "", service_target_state(p, t));
}

static void put_port(struct buf *out, const struct service *s, size_t at, const struct target_counts *counts)
{
	const struct service_port *p = &s->ports[at];
	struct slot_index cluster = slot_index_new(&p->cluster, p->target_count);
	struct slot_index local = slot_index_new(&p->local, p->target_count);
	uint64_t connections;

	buf_printf(out, "port %s %u/%s %s: %u endpoints", p->name[0] != '\0' ? p->name : "-", p->port,
		   proto_name(p->proto), p->family == AF_INET ? "IPv4" : "IPv6", p->target_count);
	if (p->left_out != 0)
		buf_printf(out, ", %u more are left out", p->left_out);
	buf_puts(out, "\n");
	for (uint32_t k = 0; k < p->target_count; k++) {
		put_target(out, p, k);
		put_slots(out, "slot ", &cluster, k);
		put_slots(out, "local slot ", &local, k);
		if (target_counts_get(counts, at, k, &connections))
			buf_printf(out, ", %llu connections", (unsigned long long)connections);
		buf_puts(out, "\n");
	}
	slot_index_free(&cluster);
	slot_index_free(&local);
}

void print_endpoints(struct buf *out, const struct service *s, const struct show_context *context)
{
	struct target_counts counts = target_counts_new(context, s);

	for (size_t i = 0; i < s->port_count; i++)
		put_port(out, s, i, &counts);
	target_counts_free(&counts);
}

/* ---- DNS ---- */

static void put_ports(struct buf *out, const struct dns_port *ports, size_t count)
{
	for (size_t i = 0; i < count; i++)
		buf_printf(out, " %s:%u/%s", ports[i].name, ports[i].port, proto_name(ports[i].proto));
}

static void print_dns(struct buf *out, const struct service *s)
{
	static const char *const kinds[] = {
		[DNS_NONE] = "none",
		[DNS_CLUSTER_IP] = "cluster-ip",
		[DNS_HEADLESS] = "headless",
		[DNS_EXTERNAL_NAME] = "external-name",
	};
	char addr[ADDR_TEXT_BYTES];

	buf_printf(out, "dns %s", kinds[s->dns_kind]);
	if (s->external_name != NULL)
		buf_printf(out, " %s", s->external_name);
	for (size_t i = 0; i < s->cluster_ip_count; i++)
		buf_printf(out, " %s", addr_format(&s->cluster_ips[i], addr));
	put_ports(out, s->dns_ports, s->dns_service_ports);
	if (s->dns_not_ready != 0)
		buf_printf(out, " (%u not ready)", s->dns_not_ready);
	buf_puts(out, "\n");
	for (size_t i = 0; i < s->dns_endpoint_count; i++) {
		const struct dns_endpoint *e = &s->dns_endpoints[i];
		buf_printf(out, "  %s %s", e->label, addr_format(&e->addr, addr));
		put_ports(out, &s->dns_ports[e->ports_at], e->port_count);
		buf_puts(out, "\n");
	}
}

/* ---- together ---- */

static void put_options(struct buf *out, const struct service *s)
{
	char text[CIDR_TEXT_BYTES];

	if (s->affinity)
		buf_printf(out, "session affinity %u s\n", s->affinity_timeout_s);
	if (s->maglev)
		buf_puts(out, "maglev\n");
	if (s->source_range_count != 0)
		buf_puts(out, "allowed sources");
	for (size_t i = 0; i < s->source_range_count; i++)
		buf_printf(out, " %s", cidr_format(&s->source_ranges[i], text));
	buf_puts(out, s->source_range_count != 0 ? "\n" : "");
	if (s->health_check_node_port != 0)
		buf_printf(out, "health check port %u: %u local IPv4, %u local IPv6\n", s->health_check_node_port,
			   s->local_ready_addrs[0], s->local_ready_addrs[1]);
}

void print_service(struct buf *out, const struct service *s, const struct show_context *context)
{
	buf_printf(out, "service %s/%s%s\n", s->ns, s->name, s->proxied ? "" : " (not proxied)");
	put_options(out, s);
	print_frontends(out, s, context);
	print_endpoints(out, s, context);
	print_dns(out, s);
}

void print_elements(struct buf *out, struct element_list *list)
{
	char text[ELEMENT_TEXT_BYTES];

	element_list_sort(list);
	for (size_t i = 0; i < list->count; i++)
		buf_printf(out, "%s\n", element_format(&list->items[i], text));
}
