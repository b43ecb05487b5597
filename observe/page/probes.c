/* Strips of probes. */
#include "observe/page/probes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "observe/page/html.h"

/* The first `most` in order, of all that are told. */
struct chosen {
	const struct store_service *of; /* NULL: of all */
	size_t most, count, told, failing;
	struct probe_seen *items;
};

static int compare(const struct probe_seen *a, const struct probe_seen *b)
{
	int order = (int)a->ready - (int)b->ready;

	if (order == 0)
		order = strcmp(a->owner, b->owner);
	if (order == 0)
		order = addr_compare(&a->addr, &b->addr);
	if (order == 0)
		order = (int)a->port - (int)b->port;
	return order != 0 ? order : strcmp(a->container, b->container);
}

/* ---- which belong to a Service ---- */

static bool is_owner(const char *owner, const char *kind, const char *key, size_t key_bytes)
{
	const size_t n = strlen(kind);

	return strncmp(owner, kind, n) == 0 && strncmp(owner + n, key, key_bytes) == 0;
}

/* port 0: any. */
static bool has_target(const struct service *s, const struct addr *addr, uint16_t port)
{
	for (size_t i = 0; i < s->port_count; i++)
		for (uint32_t k = 0; k < s->ports[i].target_count; k++) {
			const struct target *t = &s->ports[i].targets[k];
			if (addr_equal(&t->addr, addr) && (port == 0 || t->port == port))
				return true;
		}
	for (size_t i = 0; i < s->dns_endpoint_count; i++)
		if (addr_equal(&s->dns_endpoints[i].addr, addr))
			return true;
	return false;
}

/* Pods of its namespace at its addresses; endpoints that it gives, or another Service of the same port gives. */
static bool belongs(const struct store_service *service, const struct probe_seen *seen)
{
	const struct service *s = service->current;

	if (s == NULL)
		return false;
	if (is_owner(seen->owner, "Service ", service->key, strlen(service->key) + 1))
		return true;
	if (is_owner(seen->owner, "Pod ", s->ns, strlen(s->ns)) && seen->owner[strlen("Pod ") + strlen(s->ns)] == '/')
		return has_target(s, &seen->addr, 0);
	return seen->port != 0 && has_target(s, &seen->addr, seen->port);
}

static void on_seen(void *ctx, const struct probe_seen *seen)
{
	struct chosen *c = ctx;
	size_t at;

	if (c->of != NULL && !belongs(c->of, seen))
		return;
	c->told++;
	c->failing += !seen->ready;
	if (c->count == c->most && compare(seen, &c->items[c->count - 1]) >= 0)
		return;
	at = c->count < c->most ? c->count++ : c->count - 1;
	for (; at != 0 && compare(seen, &c->items[at - 1]) < 0; at--)
		c->items[at] = c->items[at - 1];
	c->items[at] = *seen;
}

/* ---- as HTML ---- */

static void put_strip(struct buf *out, const struct probe_seen *seen)
{
	size_t failed = 0;

	for (size_t i = 0; i < seen->count; i++)
		failed += seen->results[i] != NULL;
	buf_printf(out, "<span class=\"strip\" role=\"img\" aria-label=\"of the last %zu probes %zu failed\">",
		   seen->count, failed);
	for (size_t i = 0; i < seen->count; i++) {
		buf_puts(out, seen->results[i] != NULL ? "<i class=\"f\" title=\"" : "<i title=\"");
		html_text(out, seen->results[i] != NULL ? seen->results[i] : "passed");
		buf_puts(out, "\"></i>");
	}
	buf_puts(out, "</span>");
}

static void put_owner(struct buf *out, const char *owner)
{
	static const char service[] = "Service ";
	const bool link = strncmp(owner, service, sizeof service - 1) == 0;

	if (link) {
		buf_puts(out, "<a href=\"/services/");
		html_text(out, owner + sizeof service - 1);
		buf_puts(out, "\">");
	}
	html_text(out, link ? owner + sizeof service - 1 : owner);
	buf_puts(out, link ? "</a>" : "");
}

static void put_row(struct buf *out, const struct probe_seen *seen)
{
	char text[ADDR_PORT_TEXT_BYTES];

	buf_printf(out, "<li%s>", seen->ready ? "" : " class=\"no\"");
	put_strip(out, seen);
	buf_puts(out, " <span>");
	put_owner(out, seen->owner);
	if (seen->container[0] != '\0') {
		buf_puts(out, " container ");
		html_text(out, seen->container);
	}
	buf_printf(out, "</span> <code>%s</code>",
		   seen->port != 0 ? addr_port_format(&seen->addr, seen->port, text) : addr_format(&seen->addr, text));
	if (seen->why != NULL) {
		buf_puts(out, " <em>");
		html_text(out, seen->why);
		buf_puts(out, "</em>");
	}
	buf_puts(out, "</li>");
}

static void put_list(struct buf *out, const struct chosen *c)
{
	buf_puts(out, "<ul class=\"probes\">");
	for (size_t i = 0; i < c->count; i++)
		put_row(out, &c->items[i]);
	buf_puts(out, "</ul>");
	if (c->told > c->count)
		buf_printf(out, "<p class=\"more\">and %zu more</p>", c->told - c->count);
}

static bool choose(struct chosen *c, probes_each_fn *each, void *ctx)
{
	if (each == NULL)
		return false;
	c->items = mem_array(c->most, sizeof *c->items);
	each(ctx, on_seen, c);
	return c->count != 0;
}

void probes_all(struct buf *out, probes_each_fn *each, void *ctx)
{
	struct chosen c = {.most = PROBES_SHOWN};

	if (choose(&c, each, ctx)) {
		buf_printf(out, "<details open id=\"probes\"><summary>Probes: %zu of %zu pass</summary>",
			   c.told - c.failing, c.told);
		put_list(out, &c);
		buf_puts(out, "</details>");
	}
	free(c.items);
}

void probes_one(struct buf *out, probes_each_fn *each, void *ctx, const struct store_service *service)
{
	struct chosen c = {.of = service, .most = PROBES_LISTED};

	if (choose(&c, each, ctx)) {
		buf_puts(out, "<h3>Probes</h3>");
		put_list(out, &c);
	}
	free(c.items);
}
