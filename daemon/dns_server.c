/* Starts the DNS server from the configuration. */
#include "daemon/dns_server.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/version.h"
#include "daemon/steering.h"

#define RETRY_S 1.0
#define DRAIN_MS 100
#define RESOLV_CONF "/etc/resolv.conf"

static void on_retry(struct ev_loop *loop, ev_timer *w, int events)
{
	struct daemon *d = w->data;

	(void)loop, (void)events;
	dns_server_retry(d);
	if (dns_server_complete(d))
		daemon_turn(d); /* others wait for that */
}

static void forward_fill(struct server_config *to, const struct config *c)
{
	to->forward = plan_forwards(&c->forward) ? &c->forward : NULL;
	to->forward_timeout_ms = (uint32_t)c->forward_timeout_ms;
	to->cache = (struct cache_config){.limit_bytes = (size_t)c->dns_cache_bytes,
					  .max_ttl_s = (uint32_t)(c->dns_cache_max_ttl_ms / 1000),
					  .max_negative_ttl_s = (uint32_t)(c->dns_cache_max_negative_ttl_ms / 1000)};
}

/* What status.dns tells and never changes. */
static void notes_set(struct daemon *d)
{
	const struct forward_plan *plan = &d->config->forward;
	char text[ADDR_PORT_TEXT_BYTES];
	struct buf upstreams = {0};

	for (size_t i = 0; i < plan->count; i++)
		buf_printf(&upstreams, "%s%s", i != 0 ? " " : "",
			   addr_port_format(&plan->to[i].at.addr, plan->to[i].at.port, text));
	zone_note_set(d->zone, ZONE_NODE, d->config->node_name);
	zone_note_set(d->zone, ZONE_VERSION, version_text());
	zone_note_set(d->zone, ZONE_UPSTREAMS,
		      plan->count != 0	   ? upstreams.data
		      : plan->file != NULL ? plan->file
					   : "none");
	buf_fini(&upstreams);
}

static struct server *start(const struct daemon *d)
{
	const struct config *c = d->config;
	const char *error = "";
	struct server_config server = {
		.listen = c->dns_listen.items,
		.listen_count = c->dns_listen.count,
		.extra_max = steering_room(d),
		.workers = (unsigned)c->dns_workers,
		.zone = d->zone,
		.clients = d->clients,
		.log_every = c->dns_log ? (unsigned)c->dns_log_sample : 0,
		.log_suffix = c->dns_log_suffix,
		.fixed_order = c->dns_fixed_order,
		.debug_names = c->dns_debug_names,
		.autopath = c->dns_autopath,
		.nsid = c->node_name,
		.version = c->dns_identify ? arena_printf(c->arena, "fairlead %s", version_text()) : NULL,
		.identity = c->dns_identify ? c->node_name : NULL,
		.transfer = c->dns_transfer.items,
		.transfer_count = c->dns_transfer.count};

	forward_fill(&server, c);
	struct server *s = server_start(&server, &error);
	if (s == NULL)
		fatalx("%s", error);
	return s;
}

/* The page tells what is not served, and a timer tries it again. */
static void unserved_tell(struct daemon *d)
{
	size_t count;
	const struct binding_problem *problems = server_problems(d->server, &count);

	observe_dns(d->observe, problems, count);
	if (dns_server_complete(d))
		ev_timer_stop(d->loop, &d->dns_retry);
	else if (!ev_is_active(&d->dns_retry))
		ev_timer_again(d->loop, &d->dns_retry);
}

void dns_server_open(struct daemon *d)
{
	const struct addr_port_list *listen = &d->config->dns_listen;
	struct name domain;

	if (d->config->no_dns)
		return;
	struct addr *addrs = arena_array(d->config->arena, listen->count, sizeof *addrs);
	for (size_t i = 0; i < listen->count; i++)
		addrs[i] = listen->items[i].addr;
	zone_server_addrs_set(d->zone, addrs, listen->count);
	notes_set(d);
	if (d->config->dns_zone != NULL)
		d->lan_zone = lan_zone_open(d->zone, d->store, d->loop);
	if (d->config->dns_hosts != NULL)
		d->hosts_file = hosts_file_open(d->config->dns_hosts, d->zone, d->lan_zone, d->loop);
	d->server = start(d);
	const struct name *own =
		d->config->dns_autopath && name_parse(&domain, d->config->cluster_domain) ? &domain : NULL;
	if (d->config->forward.file != NULL)
		d->forward_file = forward_file_open(d->config->forward.file, server_forward(d->server), d->loop, own);
	else if (own != NULL && server_forward(d->server) != NULL)
		forward_file_searches(RESOLV_CONF, server_forward(d->server), own);
	server_metrics(d->server, observe_metrics(d->observe));
	steering_metrics(d, observe_metrics(d->observe));
	ev_init(&d->dns_retry, on_retry);
	d->dns_retry.repeat = RETRY_S;
	d->dns_retry.data = d;
	unserved_tell(d);
}

void dns_server_turn(struct daemon *d)
{
	const struct sync_stats *stats = sync_stats(d->sync);
	const int64_t ago_ms = clock_wall_ms() - stats->last_wall_ms;

	zone_sync_set(d->zone, stats->in_sync, stats->done && ago_ms >= 0 ? clock_ms() - (uint64_t)ago_ms : 0);
}

void dns_server_retry(struct daemon *d)
{
	if (d->server == NULL)
		return;
	server_retry(d->server);
	unserved_tell(d);
}

void dns_server_leave(struct daemon *d)
{
	if (d->server == NULL)
		return;
	ev_timer_stop(d->loop, &d->dns_retry);
	server_leave(d->server);
}

void dns_server_reload(struct daemon *d)
{
	forward_file_reload(d->forward_file);
	hosts_file_reload(d->hosts_file);
}

void dns_server_close(struct daemon *d)
{
	if (d->server != NULL) {
		ev_timer_stop(d->loop, &d->dns_retry);
		server_drain(d->server, DRAIN_MS);
	}
	forward_file_close(d->forward_file);
	hosts_file_close(d->hosts_file);
	lan_zone_close(d->lan_zone);
	server_stop(d->server);
}

bool dns_server_complete(const struct daemon *d)
{
	size_t problems = 0;

	if (d->server != NULL)
		server_problems(d->server, &problems);
	return problems == 0 && (d->server == NULL || server_bound(d->server));
}
