/* `fairlead run`: starts the parts, runs the loop, stops them. */
#include "daemon/daemon.h"
#include "daemon/daemon_private.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/descriptors.h"
#include "base/log.h"
#include "base/outgoing.h"
#include "daemon/dispatch.h"
#include "daemon/dns_clients.h"
#include "daemon/dns_server.h"
#include "daemon/fd_store.h"
#include "daemon/fronts.h"
#include "daemon/hand_over.h"
#include "daemon/kernel.h"
#include "daemon/name_servers.h"
#include "daemon/serial_file.h"
#include "daemon/steering.h"
#include "daemon/stop_limit.h"
#include "daemon/take_over.h"
#include "observe/health.h"
#include "observe/page/page.h"
#include "dns/zone/clients.h"
#include "proxy/address_notes.h"
#include "base/version.h"

/* ---- what happens while it runs ---- */

static void ports_check(struct daemon *d)
{
	if (d->rights.binds && !steering_binds(d) && observe_bound(d->observe) && dns_server_complete(d))
		rights_ports_bound(&d->rights);
}

void daemon_turn(struct daemon *d)
{
	if (hand_over_is_held(d))
		return;
	take_over_before_sync(d);
	uint64_t wait_ms = sync_turn(d->sync, clock_ms());
	uint64_t stale_wait_ms = stale_turn(d->stale, clock_ms());

	const struct stale_stats stale = stale_stats(d->stale);
	sync_metrics_turn(d->sync_metrics, sync_stats(d->sync), &stale);
	observe_turn(d->observe, sync_stats(d->sync));
	take_over_after_sync(d);
	dns_server_turn(d);
	ports_check(d);
	steering_update(d);
	ev_timer_stop(d->loop, &d->later);
	if (stale_wait_ms < wait_ms)
		wait_ms = stale_wait_ms;
	if (wait_ms == SYNC_IDLE)
		return;
	ev_now_update(d->loop);
	ev_timer_set(&d->later, (double)wait_ms / 1000, 0.);
	ev_timer_start(d->loop, &d->later);
}

static void on_later(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	(void)loop, (void)events;
	daemon_turn(timer->data);
}

static void on_external_change(struct ev_loop *loop, struct ev_io *io, int events)
{
	struct daemon *d = io->data;

	(void)loop, (void)events;
	if (sync_external_changes(d->sync, clock_ms()))
		daemon_turn(d);
}

static void on_flows_looked(struct ev_loop *loop, struct ev_async *async, int events)
{
	(void)loop, (void)events;
	daemon_turn(async->data);
}

/* In the thread that reads conntrack. */
static void wake(void *ctx)
{
	struct daemon *d = ctx;

	ev_async_send(d->loop, &d->flows_looked);
}

static void on_addresses(struct ev_loop *loop, struct ev_io *io, int events)
{
	struct daemon *d = io->data;

	(void)loop, (void)events;
	if (!hostaddr_read(d->host))
		return;
	dispatch_node(d);
	dns_server_retry(d);
	daemon_turn(d);
}

static void on_complete(void *ctx)
{
	struct daemon *d = ctx;

	log_info("source: complete, %zu services, %zu slices", store_count(d->store, OBJECT_SERVICE),
		 store_count(d->store, OBJECT_SLICE));
	dispatch_complete(d);
}

static void on_turn_end(void *ctx)
{
	struct daemon *d = ctx;

	if (d->clients_changed)
		dns_clients_update(d);
	daemon_turn(d);
}

static const struct service *published_find(void *ctx, const char *ns, const char *name)
{
	const struct daemon *d = ctx;
	const struct store_service *service = store_service(d->store, ns, name);

	return service != NULL ? service->current : NULL;
}

static void on_published(void *ctx, const struct service *prev, const struct service *next)
{
	struct daemon *d = ctx;

	if (d->nft != NULL) {
		address_notes_log(prev, next);
		left_out_log(prev, next);
	}
	stale_published(d->stale, prev, next);
	sync_metrics_published(d->sync_metrics, prev, next);
	observe_published(d->observe, prev, next);
	if (d->relay != NULL)
		relay_update(d->relay, prev, next);
}

static void on_gone(void *ctx, const struct frontend_key *key)
{
	struct daemon *d = ctx;

	stale_gone(d->stale, key);
}

static void on_clients(void *ctx)
{
	struct daemon *d = ctx;

	stale_clients(d->stale);
}

static void on_stop(struct ev_loop *loop, struct ev_signal *signal, int events)
{
	(void)events;
	stop_limit_heard();
	log_notice("stopping on signal %d; rules stay", signal->signum);
	ev_break(loop, EVBREAK_ALL);
}

static void on_reload(struct ev_loop *loop, struct ev_signal *signal, int events)
{
	struct daemon *d = signal->data;

	(void)loop, (void)events;
	source_reload(&d->source);
	forward_file_reload(d->forward_file);
}

/* ---- start ---- */

static void zone_open(struct daemon *d)
{
	const struct config *c = d->config;
	const struct zone_config zone = {.domain = c->cluster_domain,
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
		.ctx = d, .changed = dispatch_changed, .complete = on_complete, .turn_end = on_turn_end};
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
					 .published = on_published,
					 .gone = on_gone,
					 .clients = on_clients,
					 .ctx = d};
	d->sync = sync_new(&sync);
	const struct stale_config stale = {.conntrack = d->conntrack,
					   .nft = d->nft,
					   .owners = sync_owners(d->sync),
					   .reset_removed_tcp = d->config->reset_removed_tcp,
					   .grace_ms = (uint64_t)d->config->reset_grace_ms,
					   .wake = wake,
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
		d->relay = relay_start(observe_metrics(d->observe), published_find, d);
}

static uint64_t queries_counted(void *ctx)
{
	const struct daemon *d = ctx;
	struct server_counts counts = {0};

	if (d->server != NULL)
		server_counts(d->server, &counts);
	return counts.queries;
}

static void page_open(struct daemon *d)
{
	const struct page_config page = {.node = d->config->node_name,
					 .store = d->store,
					 .sync = d->sync,
					 .nft = d->nft,
					 .queries = queries_counted,
					 .ctx = d};

	observe_page(d->observe, &d->config->page, &page);
}

/* First of all: a signal that comes while the parts are put together waits for the loop. */
static void signals_start(struct daemon *d)
{
	signal(SIGPIPE, SIG_IGN);
	ev_signal_init(&d->stop[0], on_stop, SIGTERM);
	ev_signal_init(&d->stop[1], on_stop, SIGINT);
	ev_signal_init(&d->reload, on_reload, SIGHUP);
	d->reload.data = d;
	ev_signal_start(d->loop, &d->stop[0]);
	ev_signal_start(d->loop, &d->stop[1]);
	ev_signal_start(d->loop, &d->reload);
	stop_limit_start();
}

static void watchers_start(struct daemon *d)
{
	ev_init(&d->later, on_later);
	ev_set_priority(&d->later, EV_MINPRI); /* what others say comes before further work on what is known */
	ev_async_init(&d->flows_looked, on_flows_looked);
	ev_io_init(&d->addresses, on_addresses, hostaddr_fd(d->host), EV_READ);
	d->later.data = d->addresses.data = d->flows_looked.data = d;
	ev_async_start(d->loop, &d->flows_looked);
	ev_io_start(d->loop, &d->addresses);
	if (d->nft == NULL)
		return;
	ev_io_init(&d->external_changes, on_external_change, nft_monitor_fd(d->nft), EV_READ);
	d->external_changes.data = d;
	ev_io_start(d->loop, &d->external_changes);
}

static void daemon_stop(struct daemon *d)
{
	steering_stop(d);
	if (!hand_over_is_held(d))
		fd_store_give();
	fronts_stop(d);
	hand_over_close(d);
	dns_server_close(d);
	steering_close(d);
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
	log_notice("fairlead %s starts on node %s", version_text(), config->node_name);
	d.loop = ev_default_loop(EVFLAG_AUTO);
	descriptors_raise();
	signals_start(&d);
	take_over_open(&d);
	fronts_bind(&d);
	kernel_open(&d);
	kernel_check_neighbours(&d);
	steering_open(&d);
	conntrack_limits_apply(&config->conntrack, "", sysconf(_SC_NPROCESSORS_ONLN));
	rights_limit(&d.rights, config, &d.source.credentials);
	outgoing_start();
	zone_open(&d);
	observe_open(&d);
	state_open(&d);
	page_open(&d);
	dns_server_open(&d);
	watchers_start(&d);
	fronts_start(&d);
	d.source.zone = d.zone;
	source_start(&d.source, d.loop, d.store, &d.sink, observe_metrics(d.observe));
	rights_calls_limit();
	ev_run(d.loop, 0);
	daemon_stop(&d);
	log_notice("stopped");
	return EXIT_YES;
}
