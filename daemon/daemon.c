/* `fairlead run`: starts the parts, runs the loop, stops them. What happens meanwhile is in turns.c. */
#include "daemon/daemon.h"
#include "daemon/daemon_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/descriptors.h"
#include "base/log.h"
#include "base/outgoing.h"
#include "daemon/announce.h"
#include "daemon/dispatch.h"
#include "daemon/dns_server.h"
#include "daemon/fd_store.h"
#include "daemon/fronts.h"
#include "daemon/hand_over.h"
#include "daemon/kernel.h"
#include "daemon/name_servers.h"
#include "daemon/service_manager.h"
#include "daemon/serial_file.h"
#include "daemon/steering.h"
#include "daemon/take_over.h"
#include "daemon/turns.h"
#include "observe/health.h"
#include "observe/page/page.h"
#include "dns/zone/clients.h"
#include "base/version.h"

static void zone_open(struct daemon *d)
{
	const struct config *c = d->config;
	const struct zone_config zone = {.domain = c->cluster_domain,
					 .lan = c->dns_zone,
					 .ttl_s = (uint32_t)c->dns_ttl_s,
					 .negative_ttl_s = (uint32_t)c->dns_negative_ttl_s,
					 .pods = (enum pods_mode)c->dns_pods};

	d->zone = zone_new(&zone);
	if (d->zone == NULL)
		fatalx("--cluster-domain: \"%s\" is not a domain name", c->cluster_domain);
	if (c->no_dns)
		return;
	const struct serial_store serial = serial_file_open(c->state_dir);
	zone_serial_keep(d->zone, &serial);
	d->clients = clients_new();
}

static bool memory_used(void *ctx, uint64_t *bytes)
{
	return memory_limit_used(ctx, bytes);
}

static struct memory_target memory_open(struct daemon *d)
{
	const uint64_t wanted = (uint64_t)d->config->memory_target;

	memory_limit_find(&d->memory, "");
	struct memory_target m = {.target_bytes = memory_limit_target(&d->memory),
				  .limit_bytes = d->memory.limit_bytes,
				  .used = memory_used,
				  .ctx = &d->memory};
	if (wanted != 0)
		m.target_bytes = wanted;
	if (m.limit_bytes < m.target_bytes)
		m.limit_bytes = m.target_bytes;
	d->memory_target_bytes = m.target_bytes;
	log_info("memory: limit %" PRIu64 " MB (%s), no Service may grow beyond %" PRIu64 " MB", m.limit_bytes >> 20,
		 memory_source_text(d->memory.source), m.target_bytes >> 20);
	return m;
}

static void state_open(struct daemon *d)
{
	const struct store_listener listener = {
		.ctx = d, .changed = dispatch_changed, .complete = turns_complete, .turn_end = turns_end};
	const char *error = "";

	d->store = store_new(&listener);
	d->sink = store_sink(d->store);
	d->host = hostaddr_open(&error);
	if (d->host == NULL)
		fatalx("host addresses: %s", error);
	const struct sync_config sync = {.store = d->store,
					 .nft = d->nft,
					 .zone = d->zone,
					 .node = &d->node,
					 .table = d->config->table,
					 .proxy_name = d->config->service_proxy_name,
					 .endpoint_pod_names = d->config->dns_endpoint_pod_names,
					 .ranges = {&d->config->service_cidrs, &d->config->cluster_cidrs},
					 .max_elements = (uint64_t)d->config->max_service_elements,
					 .memory = memory_open(d),
					 .min_period_ms = (uint64_t)d->config->min_sync_period_ms,
					 .published = turns_published,
					 .gone = turns_gone,
					 .clients = turns_clients,
					 .ctx = d};
	d->sync = sync_new(&sync);
	const struct stale_config stale = {.conntrack = d->conntrack,
					   .nft = d->nft,
					   .owners = sync_owners(d->sync),
					   .reset_removed_tcp = d->config->reset_removed_tcp,
					   .grace_ms = (uint64_t)d->config->reset_grace_ms,
					   .wake = turns_wake,
					   .ctx = d};
	d->stale = stale_new(&stale);
	needs_init(&d->needs, d->config, d->source.credentials.server);
	name_servers_follow(d);
	dispatch_node(d);
}

static void observe_open(struct daemon *d)
{
	const struct observe_config observe = {.apiserver = d->config->manifests == NULL,
					       .proxy = !d->config->no_proxy,
					       .healthz = d->config->healthz,
					       .metrics = d->config->metrics,
					       .nodeports = &d->config->nodeports,
					       .health_limit_ms = HEALTH_LIMIT_MS};

	d->requests = requests_new(d->loop);
	d->observe = observe_new(d->loop, d->requests, &observe);
	d->sync_metrics = sync_metrics_new(observe_metrics(d->observe), !d->config->no_dns);
	if (d->nft != NULL)
		nft_metrics(d->nft, observe_metrics(d->observe));
	if (!d->config->no_proxy && nodeports_want_loopback(&d->config->nodeports))
		d->relay = relay_start(observe_metrics(d->observe), turns_find, d);
}

static uint64_t queries_counted(void *ctx)
{
	const struct daemon *d = ctx;
	struct server_counts counts = {0};

	if (d->server != NULL)
		server_counts(d->server, &counts);
	return counts.queries;
}

static void probes_each(void *ctx, probe_seen_fn *fn, void *fn_ctx)
{
	const struct daemon *d = ctx;

	if (d->source.prober != NULL)
		prober_each(d->source.prober, fn, fn_ctx);
}

static void page_open(struct daemon *d)
{
	const struct page_config page = {.node = d->config->node_name,
					 .store = d->store,
					 .sync = d->sync,
					 .nft = d->nft,
					 .queries = queries_counted,
					 .probes = probes_each,
					 .ctx = d};

	observe_page(d->observe, &d->config->page, &page);
}

static void daemon_stop(struct daemon *d)
{
	service_manager_stop(d);
	steering_stop(d);
	if (!hand_over_is_held(d))
		fd_store_give();
	fronts_stop(d);
	hand_over_close(d);
	dns_server_close(d);
	steering_close(d);
	announce_close(d->announce);
	stale_free(d->stale);
	sync_free(d->sync);
	sync_metrics_free(d->sync_metrics);
	pod_addrs_fini(&d->pods);
	store_free(d->store);
	node_fini(&d->node);
	name_servers_forget(d);
	needs_fini(&d->needs);
	zone_free(d->zone);
	clients_free(d->clients);
	hostaddr_close(d->host);
	nft_close(d->nft);
	outgoing_stop();
	ev_loop_destroy(d->loop);
}

int daemon_run(struct config *config, int argc, char **argv)
{
	char error[ERROR_BYTES];
	struct daemon d = {.config = config, .started_ms = clock_ms()};

	(void)argc, (void)argv;
	if (!config_finish(config, error) || !source_prepare(&d.source, config, error)) {
		fprintf(stderr, "fairlead run: %s\n", error);
		return EXIT_USAGE;
	}
	log_set_level((enum log_level)config->verbosity);
	log_open();
	log_notice("fairlead %s starts on node %s", version_text(), config->node_name);
	source_fork(&d.source);
	d.loop = ev_default_loop(EVFLAG_AUTO);
	descriptors_raise();
	turns_signals_start(&d);
	take_over_open(&d);
	fronts_bind(&d);
	kernel_open(&d);
	kernel_check_neighbours(&d);
	steering_open(&d);
	d.announce = announce_open(&d);
	conntrack_limits_apply(&config->conntrack, "", sysconf(_SC_NPROCESSORS_ONLN));
	rights_limit(&d.rights, config, &d.source.credentials);
	outgoing_start();
	zone_open(&d);
	observe_open(&d);
	state_open(&d);
	page_open(&d);
	announce_metrics(d.announce, observe_metrics(d.observe));
	dns_server_open(&d);
	turns_watch(&d);
	fronts_start(&d);
	d.source.zone = d.zone;
	source_start(&d.source, d.loop, d.store, &d.sink, observe_metrics(d.observe));
	service_manager_start(&d);
	rights_calls_limit();
	ev_run(d.loop, 0);
	daemon_stop(&d);
	log_notice("stopped");
	return EXIT_YES;
}
