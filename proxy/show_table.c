/* Rows of Services. */
#include "proxy/show_table.h"

#include <inttypes.h>

#include "proxy/address_notes.h"
#include "proxy/show_count.h"

const char *table_kind(const struct service_object *o, const struct service *s, const char **why)
{
	*why = NULL;
	if (s == NULL) {
		*why = "not programmed";
		return "unproxied";
	}
	if (s->proxied)
		return "cluster-ip";
	if (s->external_name != NULL || (o != NULL && o->type == SERVICE_EXTERNAL_NAME))
		return "external-name";
	if (s->dns_kind == DNS_HEADLESS)
		return "headless";
	*why = o == NULL		  ? "not served by this proxy"
	       : o->headless_label	  ? "label service.kubernetes.io/headless"
	       : s->cluster_ip_count == 0 ? "no ClusterIP yet"
	       : o->port_count == 0	  ? "no port"
					  : "another proxy's: label service.kubernetes.io/service-proxy-name";
	return "unproxied";
}

/* ---- notes ---- */

/* The text in front of the next note: nothing, or what parts it from the last. */
struct notes {
	struct buf *out;
	bool any;
};

static struct buf *note(struct notes *n)
{
	buf_puts(n->out, n->any ? "; " : "");
	n->any = true;
	return n->out;
}

static void notes_of_service(struct notes *n, const struct store_service *service)
{
	const struct service *s = service->current;

	if (service->refusal != NULL)
		buf_printf(note(n), "%s: %s",
			   s != NULL ? "an older version; the newest is not programmed" : "not programmed",
			   service->refusal);
	for (size_t i = 0; s != NULL && i < s->note_count; i++)
		address_note_format(note(n), &s->notes[i]);
	for (size_t i = 0; s != NULL && i < s->port_count; i++)
		if (s->ports[i].left_out != 0)
			left_out_format(note(n), &s->ports[i]);
	if (s != NULL && s->maglev && s->maglev_slots < MAGLEV_SIZE_USUAL)
		buf_printf(note(n), "maglev tables of %u slots: with %u it is above --max-service-elements",
			   s->maglev_slots, s->maglev_slots * MAGLEV_SIZE_STEP);
	if (s != NULL && s->health_check_node_port != 0)
		buf_printf(note(n), "health check node port %u", s->health_check_node_port);
}

static void note_address(struct notes *n, const struct show_context *print, const struct frontend *f)
{
	struct buf text = {0};

	bool is_announced;

	if (print->announced != NULL && print->announced(print->ctx, f, &is_announced, &text))
		buf_puts(note(n), text.data);
	buf_fini(&text);
}

static void notes_end(struct notes *n)
{
	buf_puts(n->out, n->any ? "\n" : "-\n");
}

/* ---- Services ---- */

void table_services_header(struct buf *out, const struct table_view *view)
{
	buf_printf(out, "NAMESPACE|NAME|KIND|ADDRESS|PORT|ACTION|ENDPOINTS%s%s|NOTES\n",
		   view->counted ? "|CONNECTIONS" : "", view->wide ? "|SLOTS|BALANCE|AFFINITY" : "");
}

static uint32_t used(const struct service_port *p, const struct pool *pool)
{
	const unsigned flag = pool == &p->local ? TARGET_IN_LOCAL : TARGET_IN_CLUSTER;
	uint32_t count = 0;

	for (uint32_t i = 0; pool != NULL && pool->count != 0 && i < p->target_count; i++)
		count += (p->targets[i].flags & flag) != 0;
	return count;
}

static void put_endpoints(struct buf *out, const struct service *s, const struct frontend *f)
{
	const struct service_port *p = &s->ports[f->service_port];

	if (f->split)
		buf_printf(out, "|%u/%u outside, %u/%u inside", used(p, f->pool), p->target_count, used(p, f->internal),
			   p->target_count);
	else
		buf_printf(out, "|%u/%u", used(p, f->pool), p->target_count);
}

static void put_count(struct buf *out, bool known, uint64_t count)
{
	if (known)
		buf_printf(out, "|%" PRIu64, count);
	else
		buf_puts(out, "|-");
}

static void put_wide(struct buf *out, const struct service *s, const struct frontend *f)
{
	if (f->pool == NULL)
		buf_puts(out, "|-");
	else
		buf_printf(out, "|%u of %u", f->pool->count, f->pool->size);
	buf_printf(out, "|%s", s->maglev ? "maglev" : "random");
	if (s->affinity)
		buf_printf(out, "|%us", s->affinity_timeout_s);
	else
		buf_puts(out, "|-");
}

static void put_frontend(struct buf *out, const struct store_service *service, const struct frontend *f,
			 const struct table_view *view)
{
	const struct service *s = service->current;
	const struct owners *owners = view->print->owners;
	const struct service *owner = owners != NULL ? owners_find(owners, &f->key) : NULL;
	const char *port = s->ports[f->service_port].name;
	char addr[ADDR_PORT_TEXT_BYTES];
	struct notes notes = {.out = out};
	uint64_t connections = 0;

	buf_printf(out, "%s|%s|%s|%s/%s|%s|%s", s->ns, s->name, print_frontend_kind(f),
		   addr_port_format(&f->key.addr, f->key.port, addr), proto_name(f->key.proto),
		   port[0] != '\0' ? port : "-", print_frontend_action(f));
	put_endpoints(out, s, f);
	const bool known = view->counted && print_count_frontend(view->print, &f->key, &connections);
	if (view->counted)
		put_count(out, known, connections);
	if (view->wide)
		put_wide(out, s, f);
	buf_puts(out, "|");
	if (f->restricted)
		buf_puts(note(&notes), "source ranges");
	if (owner != NULL && owner != s)
		buf_printf(note(&notes), "owned by %s/%s", owner->ns, owner->name);
	note_address(&notes, view->print, f);
	if (f == &s->frontends[0])
		notes_of_service(&notes, service);
	notes_end(&notes);
}

/* It has no frontend: what it is, and what DNS makes of it. */
static void put_other(struct buf *out, const struct store_service *service, const struct table_view *view)
{
	const struct service *s = service->current;
	struct notes notes = {.out = out};
	const char *why;
	const char *kind = table_kind(service->object, s, &why);
	bool headless = s != NULL && s->dns_kind == DNS_HEADLESS;

	buf_printf(out, "%s|%s|%s|%s|-|%s", service->ns, service->name, kind,
		   s != NULL && s->external_name != NULL ? s->external_name
		   : headless				 ? "None"
							 : "-",
		   s != NULL && s->dns_kind != DNS_NONE ? "DNS only" : "none");
	if (headless)
		buf_printf(out, "|%u/%u", s->dns_endpoint_count, s->dns_endpoint_count + s->dns_not_ready);
	else
		buf_puts(out, "|-");
	buf_puts(out, view->counted ? "|-" : "");
	buf_puts(out, view->wide ? "|-|-|-" : "");
	buf_puts(out, "|");
	if (why != NULL)
		buf_puts(note(&notes), why);
	notes_of_service(&notes, service);
	notes_end(&notes);
}

void table_services(struct buf *out, const struct store_service *service, const struct table_view *view)
{
	const struct service *s = service->current;

	for (size_t i = 0; s != NULL && i < s->frontend_count; i++)
		put_frontend(out, service, &s->frontends[i], view);
	if (s == NULL || s->frontend_count == 0)
		put_other(out, service, view);
}
