/*
 * The page with a Service that no source would let in: its names and its reason are markup and scripts. Prints the
 * policy as the first line, then the page.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <ev.h>
#include <netinet/in.h>

#include "base/mem.h"
#include "dns/zone/zone.h"
#include "observe/page/page.h"

#define HOSTILE "<img src=x onerror=hurt()><script>hurt()</script>\"'><svg onload=hurt()>"

static const struct target targets[] = {{{AF_INET, {10, 244, 0, 10}}, TARGET_READY, 8080}};

static void changed(void *ctx, const struct object *prev, const struct object *next)
{
	(void)ctx, (void)prev, (void)next;
}

static void put_service(struct store *store)
{
	struct sink sink = store_sink(store);
	struct arena *a = arena_new(1024);
	struct service_object *o = arena_alloc(a, sizeof *o);
	const struct service_port port = {.name = HOSTILE,
					  .port = 80,
					  .proto = IPPROTO_TCP,
					  .family = AF_INET,
					  .target_count = 1,
					  .targets = targets};
	const struct frontend frontend = {.key = {{AF_INET, {10, 96, 0, 1}}, IPPROTO_TCP, 80}, .action = ACTION_REJECT};
	const struct service s = {.ns = HOSTILE,
				  .name = HOSTILE,
				  .proxied = true,
				  .port_count = 1,
				  .ports = &port,
				  .frontend_count = 1,
				  .frontends = &frontend,
				  .external_name = HOSTILE,
				  .dns_kind = DNS_EXTERNAL_NAME};

	*o = (struct service_object){
		.object = {.kind = OBJECT_SERVICE, .arena = a, .ns = "hostile", .name = "hostile", .digest = 1}};
	sink.upsert(sink.ctx, &o->object);
	struct store_service *service = store_service(store, "hostile", "hostile");
	service->current = service_pack(&s);
	service->refusal = mem_strdup(HOSTILE);
}

static uint64_t queries(void *ctx)
{
	(void)ctx;
	return 0;
}

static void probes(void *ctx, probe_seen_fn *fn, void *fn_ctx)
{
	const struct probe_seen seen = {
		.owner = "Service " HOSTILE, .container = HOSTILE, .why = HOSTILE, .count = 1, .results = {HOSTILE}};

	(void)ctx;
	fn(fn_ctx, &seen);
}

int main(void)
{
	const struct zone_config zone = {.domain = "cluster.local", .ttl_s = 5, .negative_ttl_s = 5};
	const struct cidr_list none = {0};
	struct node node = {0};
	struct store *store = store_new(&(struct store_listener){.changed = changed});
	struct sync *sync = sync_new(&(struct sync_config){
		.store = store, .zone = zone_new(&zone), .node = &node, .ranges = {&none, &none}});
	struct page_config config = {
		.node = HOSTILE, .store = store, .sync = sync, .queries = queries, .probes = probes};
	struct page *page = page_new(ev_default_loop(EVFLAG_AUTO), &config);
	struct http_reply reply = {.status = 200};

	put_service(store);
	page_handle(page, "/", &reply);
	printf("%s\n%s", reply.headers[0].point, reply.body.data);
	fflush(stdout);
	_exit(0); /* what it has made ends with it */
}
