/* Services as HTML. */
#include "observe/page/services.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "observe/page/html.h"
#include "proxy/address_notes.h"
#include "proxy/endpoint_reasons.h"
#include "proxy/show.h"
#include "proxy/show_unused.h"

#define FRONTENDS_SHOWN 6u /* in a row; the service's own page has all */
#define TARGETS_SHOWN 8u

static bool in_use(const struct target *t)
{
	return (t->flags & (TARGET_IN_CLUSTER | TARGET_IN_LOCAL)) != 0;
}

void services_endpoints(const struct service *s, size_t *used, size_t *all)
{
	*used = *all = 0;
	if (!s->proxied) {
		*used = s->dns_endpoint_count;
		*all = s->dns_endpoint_count + s->dns_not_ready;
		return;
	}
	for (size_t i = 0; i < s->port_count; i++) {
		*all += s->ports[i].target_count;
		for (uint32_t k = 0; k < s->ports[i].target_count; k++)
			*used += in_use(&s->ports[i].targets[k]);
	}
}

/* The widest reach that it has. */
static const char *kind_of(const struct service *s)
{
	static const char *const words[] = {[FRONTEND_CLUSTER_IP] = "ClusterIP",
					    [FRONTEND_LOAD_BALANCER] = "LoadBalancer",
					    [FRONTEND_EXTERNAL_IP] = "ClusterIP, external address",
					    [FRONTEND_NODE_PORT] = "NodePort"};
	bool has[sizeof words / sizeof words[0]] = {false};

	if (s->external_name != NULL)
		return "ExternalName";
	if (s->dns_kind == DNS_HEADLESS)
		return "headless";
	if (!s->proxied)
		return "not proxied here";
	for (size_t i = 0; i < s->frontend_count; i++)
		has[s->frontends[i].kind] = true;
	return has[FRONTEND_LOAD_BALANCER] ? words[FRONTEND_LOAD_BALANCER]
	       : has[FRONTEND_NODE_PORT]   ? words[FRONTEND_NODE_PORT]
	       : has[FRONTEND_EXTERNAL_IP] ? words[FRONTEND_EXTERNAL_IP]
					   : words[FRONTEND_CLUSTER_IP];
}

/* ---- cells ---- */

static void put_more(struct buf *out, size_t count, size_t shown)
{
	if (count > shown)
		buf_printf(out, "<span class=\"more\">and %zu more</span>", count - shown);
}

static void put_frontends(struct buf *out, const struct service *s, size_t most)
{
	char text[ADDR_PORT_TEXT_BYTES];

	if (s->external_name != NULL)
		html_text(out, s->external_name);
	for (size_t i = 0; i < s->frontend_count && i < most; i++) {
		const struct frontend *f = &s->frontends[i];
		const char *port = s->ports[f->service_port].name;
		buf_printf(out, "<span%s>", f->action == ACTION_BALANCE ? "" : " class=\"no\"");
		buf_printf(out, "%s/%s ", addr_port_format(&f->key.addr, f->key.port, text), proto_name(f->key.proto));
		html_text(out, port);
		buf_printf(out, "%s%s</span>", f->restricted ? ", source ranges" : "",
			   f->action == ACTION_BALANCE ? ""
			   : f->action == ACTION_DROP  ? ", dropped"
						       : ", refused");
	}
	put_more(out, s->frontend_count, most);
}

static const char *state_of(const struct service_port *p, const struct target *t,
			    const struct endpoint_reasons *reasons)
{
	const char *state = service_target_state(p, t);
	const char *reason = strcmp(state, "not ready") == 0 ? endpoint_reason(reasons, &t->addr) : NULL;

	return reason != NULL ? reason : state;
}

static void put_target(struct buf *out, const struct service_port *p, const struct target *t,
		       const struct endpoint_reasons *reasons)
{
	char text[ADDR_PORT_TEXT_BYTES];

	buf_printf(out, "<span%s>%s", in_use(t) ? "" : " class=\"no\"", addr_port_format(&t->addr, t->port, text));
	if (!in_use(t) || (t->flags & TARGET_READY) == 0) {
		buf_puts(out, " <i>");
		html_text(out, state_of(p, t, reasons));
		buf_puts(out, "</i>");
	}
	buf_puts(out, "</span>");
}

/* Those without connections first: they are what people look for. */
static void put_targets(struct buf *out, const struct store_service *service, size_t most)
{
	const struct endpoint_reasons reasons = endpoint_reasons_of(service);
	const struct service *s = service->current;
	size_t shown = 0, all = 0;

	for (int used = 0; used <= 1; used++)
		for (size_t i = 0; i < s->port_count; i++) {
			const struct service_port *p = &s->ports[i];
			for (uint32_t k = 0; k < p->target_count && shown < most; k++)
				if (in_use(&p->targets[k]) == (used != 0)) {
					put_target(out, p, &p->targets[k], &reasons);
					shown++;
				}
		}
	for (size_t i = 0; i < s->port_count; i++)
		all += s->ports[i].target_count;
	put_more(out, all, shown);
}

static void put_names(struct buf *out, const struct service *s, size_t most)
{
	char text[ADDR_TEXT_BYTES];

	for (size_t i = 0; i < s->dns_endpoint_count && i < most; i++) {
		buf_printf(out, "<span>%s ", addr_format(&s->dns_endpoints[i].addr, text));
		html_text(out, s->dns_endpoints[i].label);
		buf_puts(out, "</span>");
	}
	put_more(out, s->dns_endpoint_count, most);
}

static void put_problems(struct buf *out, const struct service *s, const char *refusal)
{
	struct buf text = {0};

	if (refusal != NULL) {
		buf_puts(out, "<p>older version: ");
		html_text(out, refusal);
		buf_puts(out, "</p>");
	}
	for (size_t i = 0; i < s->note_count; i++) {
		buf_clear(&text);
		address_note_format(&text, &s->notes[i]);
		buf_puts(out, "<p>");
		html_text(out, text.data);
		buf_puts(out, "</p>");
	}
	buf_fini(&text);
}

static void put_name(struct buf *out, const struct service *s)
{
	buf_puts(out, "<a href=\"/services/");
	html_text(out, s->ns);
	buf_puts(out, "/");
	html_text(out, s->name);
	buf_puts(out, "\">");
	html_text(out, s->ns);
	buf_puts(out, "/<b>");
	html_text(out, s->name);
	buf_puts(out, "</b></a>");
}

static const char *row_class(const struct service *s, const char *refusal, size_t used)
{
	if (refusal != NULL || s->note_count != 0)
		return "warn";
	return used == 0 && s->external_name == NULL ? "bad" : "ok";
}

void services_row(struct buf *out, const struct store_service *service, struct services_count *count)
{
	const struct service *s = service->current;
	const char *refusal = service->refusal;
	size_t used, all;

	services_endpoints(s, &used, &all);
	count->services++;
	count->endpoints += all;
	count->unused += all - used;
	count->without += s->frontend_count != 0 && used == 0;
	count->held += refusal != NULL;
	buf_printf(out, "<tr class=\"%s\"><td>", row_class(s, refusal, used));
	put_name(out, s);
	buf_printf(out, "</td><td>%s</td><td>", kind_of(s));
	put_frontends(out, s, FRONTENDS_SHOWN);
	buf_printf(out, "</td><td>%zu of %zu", used, all);
	if (s->proxied)
		put_targets(out, service, TARGETS_SHOWN);
	else
		put_names(out, s, TARGETS_SHOWN);
	put_problems(out, s, refusal);
	buf_puts(out, "</td></tr>\n");
}

/* ---- the table ---- */

static int by_name(const void *a, const void *b)
{
	const struct store_service *const *x = a, *const *y = b;

	return service_name_compare((*x)->current, (*y)->current);
}

/* Freed by the caller. */
static const struct store_service **sorted(const struct store *store, size_t *count)
{
	const struct store_service **list = mem_array(store_count(store, OBJECT_SERVICE) + 1, sizeof *list);
	const struct store_service *service;
	size_t at = 0;

	*count = 0;
	while ((service = store_next_service(store, &at)) != NULL)
		if (service->object != NULL && service->current != NULL)
			list[(*count)++] = service;
	if (*count != 0)
		qsort(list, *count, sizeof *list, by_name);
	return list;
}

struct services_count services_table(struct buf *out, const struct store *store)
{
	struct services_count counted = {0};
	size_t count;
	const struct store_service **list = sorted(store, &count);

	buf_puts(out, "<table><thead><tr><th>Service</th><th>Type</th><th>Addresses</th><th>Endpoints in use</th></tr>"
		      "</thead><tbody>\n");
	for (size_t i = 0; i < count; i++)
		services_row(out, list[i], &counted);
	buf_puts(out, "</tbody></table>\n");
	free(list);
	return counted;
}

void services_one(struct buf *out, const struct store *store, const struct store_service *service)
{
	const struct service *s = service->current;
	struct buf unused = {0};

	buf_puts(out, "<h2>");
	html_text(out, service->key);
	buf_puts(out, "</h2>");
	if (s != NULL) {
		buf_printf(out, "<p>%s</p><h3>Addresses</h3><div class=\"list\">", kind_of(s));
		put_frontends(out, s, SIZE_MAX);
		buf_puts(out, "</div><h3>Endpoints</h3><div class=\"list\">");
		if (s->proxied)
			put_targets(out, service, SIZE_MAX);
		else
			put_names(out, s, SIZE_MAX);
		buf_puts(out, "</div>");
		put_problems(out, s, service->refusal);
	} else {
		buf_puts(out, "<p>not programmed: ");
		html_text(out, service->refusal != NULL ? service->refusal : "it waits for the first sync");
		buf_puts(out, "</p>");
	}
	print_unused(&unused, store, service);
	if (unused.length_bytes != 0) {
		buf_puts(out, "<h3>Endpoints of its slices that it does not use</h3><ul>");
		for (char *rest, *line = strtok_r(unused.data, "\n", &rest); line != NULL;
		     line = strtok_r(NULL, "\n", &rest)) {
			buf_puts(out, "<li>");
			html_text(out, line);
			buf_puts(out, "</li>");
		}
		buf_puts(out, "</ul>");
	}
	buf_fini(&unused);
}
