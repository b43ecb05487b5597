/* Makes the page. */
#include "observe/page/page.h"

#include <ev.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/version.h"
#include "observe/page/connections.h"
#include "observe/page/files.h"
#include "observe/page/history.h"
#include "observe/page/html.h"
#include "observe/page/services.h"

#define HTML "text/html; charset=utf-8"

struct page {
	struct page_config config;
	struct ev_loop *loop;
	ev_timer each_second;
	uint64_t version; /* of the services */
	struct buf table; /* made of `table_version`; empty: not made yet */
	uint64_t table_version;
	struct services_count count; /* of the table */
	struct history_rate queries;
	struct connections connections;
	struct history_changes changes;
	struct sync_stats sync; /* at the last turn */
	char policy[FILES_POLICY_BYTES];
};

static void on_second(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct page *p = timer->data;

	(void)loop, (void)events;
	history_seen(&p->queries, p->config.queries(p->config.ctx), clock_ms());
	connections_sample(&p->connections, p->config.nft, clock_ms());
}

struct page *page_new(struct ev_loop *loop, const struct page_config *config)
{
	struct page *p = mem_alloc(sizeof *p);

	p->config = *config;
	p->loop = loop;
	ev_timer_init(&p->each_second, on_second, 1, 1);
	p->each_second.data = p;
	ev_timer_start(loop, &p->each_second);
	p->version = 1;
	files_policy(p->policy);
	history_add(&p->changes, clock_wall_ms(), "fairlead %s starts", version_text());
	return p;
}

void page_free(struct page *p)
{
	if (p == NULL)
		return;
	ev_timer_stop(p->loop, &p->each_second);
	buf_fini(&p->table);
	free(p);
}

/* ---- what it is told ---- */

static void note_change(struct page *p, const struct service *prev, const struct service *next)
{
	const struct service *s = next != NULL ? next : prev;
	size_t used, all, used_before, all_before;
	const int64_t now = clock_wall_ms();

	if (next == NULL) {
		history_add(&p->changes, now, "%s/%s removed", s->ns, s->name);
		return;
	}
	services_endpoints(next, &used, &all);
	if (prev == NULL) {
		history_add(&p->changes, now, "%s/%s added, %zu of %zu endpoints in use", s->ns, s->name, used, all);
		return;
	}
	services_endpoints(prev, &used_before, &all_before);
	if (used != used_before || all != all_before)
		history_add(&p->changes, now, "%s/%s: %zu of %zu endpoints in use, before %zu of %zu", s->ns, s->name,
			    used, all, used_before, all_before);
	else
		history_add(&p->changes, now, "%s/%s changed", s->ns, s->name);
}

void page_published(struct page *p, const struct service *prev, const struct service *next)
{
	p->version++;
	if (p->sync.done) /* not the first state, service by service */
		note_change(p, prev, next);
}

void page_turn(struct page *p)
{
	const struct sync_stats *now = sync_stats(p->config.sync);
	const struct sync_stats *before = &p->sync;

	if (now->done && !before->done)
		history_add(&p->changes, now->last_wall_ms, "first state in the kernel: %zu services",
			    store_count(p->config.store, OBJECT_SERVICE));
	if (now->refused != before->refused)
		history_add(&p->changes, clock_wall_ms(), "the kernel refused a transaction");
	if (now->repairs != before->repairs)
		history_add(&p->changes, clock_wall_ms(), "changed by another program, and repaired");
	p->version += now->quarantined != before->quarantined;
	p->sync = *now;
}

/* ---- parts ---- */

static void table_refresh(struct page *p)
{
	if (p->table_version == p->version)
		return;
	buf_clear(&p->table);
	p->count = services_table(&p->table, p->config.store);
	p->table_version = p->version;
}

static void put_rate(struct buf *out, const struct history_rate *r, const char *label, const char *unknown)
{
	const double now = history_now(r);

	buf_puts(out, "<div class=\"rate\"><h2>");
	html_text(out, label);
	buf_puts(out, "</h2>");
	if (now < 0) {
		buf_printf(out, "<p>%s</p></div>", unknown);
		return;
	}
	buf_printf(out, "<strong>%.*f</strong>", now < 10 ? 1 : 0, now);
	history_plot(out, r, label);
	buf_puts(out, "</div>");
}

static const char *state_text(const struct page *p, const struct sync_stats *s)
{
	if (!store_is_complete(p->config.store))
		return "Waits for the source's first complete state";
	if (!s->done)
		return "The first sync is under way";
	if (p->config.nft == NULL)
		return "DNS only";
	return s->in_sync ? "Kernel in sync" : "Kernel not in sync: a change waits, or is tried again";
}

static void put_state(struct page *p, struct buf *out)
{
	const struct sync_stats *s = sync_stats(p->config.sync);
	const struct services_count *n = &p->count;

	buf_printf(out, "<p class=\"state %s\">", s->done && (s->in_sync || p->config.nft == NULL) ? "ok" : "warn");
	html_printf(out, "%s. %zu services, %zu of %zu endpoints in use", state_text(p, s), n->services,
		    n->endpoints - n->unused, n->endpoints);
	if (n->without != 0)
		buf_printf(out, ", <b>%zu service%s without an endpoint</b>", n->without, n->without == 1 ? "" : "s");
	if (n->held != 0)
		buf_printf(out, ", <b>%zu at an older version</b>", n->held);
	buf_printf(out, ". Syncs: %" PRIu64 ", the last took %.1f ms. Repairs: %" PRIu64 ".</p>", s->syncs,
		   (double)s->last_us / 1000, s->repairs);
}

static void put_changes(const struct page *p, struct buf *out)
{
	const struct history_change *c;
	struct tm utc;
	char when[32];

	buf_puts(out, "<summary>Recent changes</summary><ol>");
	for (size_t back = 0; (c = history_get(&p->changes, back)) != NULL; back++) {
		const time_t seconds = (time_t)(c->wall_ms / 1000);
		gmtime_r(&seconds, &utc);
		strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &utc);
		buf_printf(out, "<li><time datetime=\"%s\">%s</time> ", when, when);
		html_text(out, c->text);
		buf_puts(out, "</li>");
	}
	buf_puts(out, "</ol>");
}

static void put_live(struct page *p, struct buf *out)
{
	table_refresh(p);
	connections_wanted(&p->connections, clock_ms());
	buf_printf(out, "<section id=\"live\" data-version=\"%" PRIu64 "\">", p->version);
	put_state(p, out);
	buf_puts(out, "<div class=\"rates\">");
	put_rate(out, &p->connections.rate, "New connections a second",
		 p->config.nft == NULL ? "not counted without the proxy" : connections_unknown(&p->connections));
	put_rate(out, &p->queries, "DNS queries a second", "not known yet");
	buf_puts(out, "</div>");
	probes_all(out, p->config.probes, p->config.ctx);
	buf_puts(out, "<details open id=\"changes\">");
	put_changes(p, out);
	buf_puts(out, "</details></section>\n");
}

static void put_head(const struct page *p, struct buf *out)
{
	buf_puts(out, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
		      "content=\"width=device-width, initial-scale=1\"><meta name=\"color-scheme\" content=\"light "
		      "dark\"><title>");
	html_printf(out, "fairlead on %s", p->config.node);
	buf_puts(out, "</title><style>");
	files_style(out);
	buf_puts(out, "</style></head><body><header><h1><a href=\"/\">fairlead</a> <small>");
	html_printf(out, "%s, %s", p->config.node, version_text());
	buf_puts(out, "</small></h1><input id=\"search\" type=\"search\" placeholder=\"Search services\" "
		      "aria-label=\"Search services\" hidden></header>\n");
}

static void put_end(struct buf *out)
{
	buf_puts(out, "<script>");
	files_script(out);
	buf_puts(out, "</script></body></html>\n");
}

/* ---- answers ---- */

static void answer_all(struct page *p, struct buf *out)
{
	put_head(p, out);
	put_live(p, out);
	buf_printf(out, "<main id=\"services\" data-version=\"%" PRIu64 "\">", p->table_version);
	buf_add(out, p->table.data, p->table.length_bytes);
	buf_puts(out, "</main>");
	put_end(out);
}

/* which: "NS/NAME"; NULL: unknown. */
static const struct store_service *find(const struct page *p, const char *which)
{
	char ns[64];
	const char *slash = strchr(which, '/');

	if (slash == NULL || (size_t)(slash - which) >= sizeof ns)
		return NULL;
	snprintf(ns, sizeof ns, "%.*s", (int)(slash - which), which);
	return store_service(p->config.store, ns, slash + 1);
}

static void answer_one(const struct page *p, const char *which, struct http_reply *reply)
{
	const struct store_service *service = find(p, which);

	put_head(p, &reply->body);
	buf_puts(&reply->body, "<main id=\"one\">");
	if (service != NULL) {
		services_one(&reply->body, p->config.store, service);
		probes_one(&reply->body, p->config.probes, p->config.ctx, service);
	} else {
		reply->status = 404;
		buf_puts(&reply->body, "<h2>");
		html_text(&reply->body, which);
		buf_puts(&reply->body, "</h2><p>No such Service here.</p>");
	}
	buf_puts(&reply->body, "</main>");
	put_end(&reply->body);
}

bool page_leave(void *ctx, const char *path, struct http_reply *reply)
{
	(void)ctx, (void)path, (void)reply;
	return false;
}

bool page_handle(void *ctx, const char *path, struct http_reply *reply)
{
	static const char services[] = "/services/";
	struct page *p = ctx;

	reply->content_type = HTML;
	http_header_point(reply, "Content-Security-Policy", p->policy);
	http_header_set(reply, "X-Content-Type-Options", "nosniff");
	http_header_set(reply, "Referrer-Policy", "no-referrer");
	http_header_set(reply, "Cache-Control", "no-store");
	if (strcmp(path, "/") == 0) {
		answer_all(p, &reply->body);
	} else if (strcmp(path, "/live") == 0) {
		put_live(p, &reply->body);
	} else if (strncmp(path, services, sizeof services - 1) == 0) {
		answer_one(p, path + sizeof services - 1, reply);
	} else {
		reply->status = 404;
		reply->content_type = "text/plain; charset=utf-8";
		buf_puts(&reply->body, "404 page not found\n");
	}
	return true;
}
