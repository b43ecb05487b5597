/* Rows of endpoints. */
#include "proxy/show_table.h"

#include <inttypes.h>
#include <string.h>

#include "proxy/endpoint_reasons.h"
#include "proxy/show_count.h"
#include "proxy/show_unused.h"

#define SLOTS_SHOWN 8u /* weights and Maglev: the number is enough */

void table_endpoints_header(struct buf *out, const struct table_view *view)
{
	buf_printf(out, "NAMESPACE|SERVICE|PORT|ADDRESS|NODE|STATE%s%s|REASON\n", view->counted ? "|CONNECTIONS" : "",
		   view->wide ? "|SLOTS|LOCAL-SLOTS" : "");
}

static void begin(struct buf *out, const struct store_service *service)
{
	buf_printf(out, "%s|%s|", service->ns, service->name);
}

static void end(struct buf *out, const char *reason)
{
	buf_printf(out, "|%s\n", reason);
}

/* Columns that only a port of a proxied Service has. */
static void skip(struct buf *out, const struct table_view *view)
{
	buf_puts(out, view->counted ? "|-" : "");
	buf_puts(out, view->wide ? "|-|-" : "");
}

/* ---- of a proxied Service ---- */

static void put_slots(struct buf *out, const struct slot_index *x, uint32_t target)
{
	const uint32_t count = slot_index_count(x, target), *slots = x->slots + x->first[target];

	buf_puts(out, count == 0 ? "|-" : "|");
	for (uint32_t i = 0; i < count && i < SLOTS_SHOWN; i++)
		buf_printf(out, "%s%u", i == 0 ? "" : ",", slots[i]);
	buf_puts(out, count > SLOTS_SHOWN ? ",…" : "");
}

struct port_rows {
	const struct store_service *service;
	const struct table_view *view;
	const struct target_counts *counts;
	const struct endpoint_reasons *reasons;
	struct slot_index cluster, local;
	size_t at; /* of the Service's ports */
};

static const char *target_reason(const struct endpoint_reasons *reasons, const struct target *t, const char *state)
{
	const bool used = strncmp(state, "used", 4) == 0;
	const char *reason = used || strcmp(state, "not ready") == 0 ? endpoint_reason(reasons, &t->addr) : NULL;

	if (reason != NULL)
		return reason;
	return strcmp(state, "used") == 0 ? "-" : used ? "while terminating" : state;
}

static void put_target(struct buf *out, const struct port_rows *r, uint32_t at)
{
	const struct service_port *p = &r->service->current->ports[r->at];
	const struct target *t = &p->targets[at];
	const char *state = service_target_state(p, t);
	bool used = strncmp(state, "used", 4) == 0;
	char addr[ADDR_PORT_TEXT_BYTES];
	uint64_t connections;

	begin(out, r->service);
	buf_printf(out, "%s%s%u/%s|%s|%s|%s", p->name, p->name[0] != '\0' ? " " : "", p->port, proto_name(p->proto),
		   addr_port_format(&t->addr, t->port, addr), (t->flags & TARGET_ON_NODE) != 0 ? "this" : "-",
		   used ? "used" : "not used");
	if (r->view->counted && target_counts_get(r->counts, r->at, at, &connections))
		buf_printf(out, "|%" PRIu64, connections);
	else if (r->view->counted)
		buf_puts(out, "|-");
	if (r->view->wide) {
		put_slots(out, &r->cluster, at);
		put_slots(out, &r->local, at);
	}
	end(out, target_reason(r->reasons, t, state));
}

static void put_ports(struct buf *out, const struct store_service *service, const struct table_view *view)
{
	const struct service *s = service->current;
	static const struct show_context uncounted;
	const struct endpoint_reasons reasons = endpoint_reasons_of(service);
	struct target_counts counts = target_counts_new(view->counted ? view->print : &uncounted, s);

	for (size_t i = 0; i < s->port_count; i++) {
		const struct service_port *p = &s->ports[i];
		struct port_rows r = {service,
				      view,
				      &counts,
				      &reasons,
				      slot_index_new(&p->cluster, p->target_count),
				      slot_index_new(&p->local, p->target_count),
				      i};
		for (uint32_t k = 0; k < p->target_count; k++)
			put_target(out, &r, k);
		slot_index_free(&r.cluster);
		slot_index_free(&r.local);
	}
	target_counts_free(&counts);
}

/* ---- of one that only DNS knows ---- */

static void put_headless(struct buf *out, const struct store_service *service, const struct table_view *view)
{
	char addr[ADDR_TEXT_BYTES];

	for (size_t i = 0; i < service->slice_count; i++)
		for (size_t k = 0; k < service->slices[i]->endpoint_count; k++) {
			const struct endpoint_object *e = &service->slices[i]->endpoints[k];
			begin(out, service);
			buf_printf(out, "-|%s|%s|%s", addr_format(&e->addr, addr),
				   e->node_name != NULL ? e->node_name : "-", e->ready ? "in DNS" : "not used");
			skip(out, view);
			const char *reason = endpoint_extra(e)->reason;
			end(out, reason != NULL && !e->terminating ? reason
				 : e->ready			   ? "-"
				 : e->terminating		   ? "terminating"
								   : "not ready");
		}
}

/* ---- those that are no endpoints ---- */

struct unused_rows {
	struct buf *out;
	const struct store_service *service;
	const struct table_view *view;
};

static void put_unused(void *ctx, const char *address, const struct slice_object *e, const char *reason)
{
	const struct unused_rows *u = ctx;

	begin(u->out, u->service);
	buf_printf(u->out, "-|%s|-|not used", address);
	skip(u->out, u->view);
	buf_printf(u->out, "|slice %s: %s\n", e->object.name, reason);
}

void table_endpoints(struct buf *out, const struct store_service *service, const struct table_view *view)
{
	struct unused_rows u = {out, service, view};

	if (service->current != NULL && service->current->proxied)
		put_ports(out, service, view);
	else if (service->object != NULL && service->object->type != SERVICE_EXTERNAL_NAME)
		put_headless(out, service, view);
	if (service->refusal != NULL)
		buf_printf(out, "%s: an older version; the newest is not programmed: %s\n", service->key,
			   service->refusal);
	size_t count = unused_each(view->store, service, put_unused, &u);
	if (count > UNUSED_LISTED_MAX)
		buf_printf(out, "%s: %zu more endpoints are not used\n", service->key, count - UNUSED_LISTED_MAX);
}
