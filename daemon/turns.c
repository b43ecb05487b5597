/* What happens while the daemon runs: signals, changes, and the turn that follows them. */
#include "daemon/turns.h"

#include <signal.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "daemon/announce.h"
#include "daemon/dispatch.h"
#include "daemon/dns_clients.h"
#include "daemon/dns_server.h"
#include "daemon/hand_over.h"
#include "daemon/steering.h"
#include "daemon/stop_limit.h"
#include "daemon/take_over.h"
#include "proxy/address_notes.h"

#define TRIM_WAIT_S 1.

static void ports_check(struct daemon *d)
{
	if (d->rights.binds && !steering_binds(d) && observe_bound(d->observe) && dns_server_complete(d))
		rights_ports_bound(&d->rights);
}

static void on_trim(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	(void)loop, (void)timer, (void)events;
	mem_trim();
}

/* What the first load takes for a while is free soon after it, in pieces between what stays. */
static void trim_after_load(struct daemon *d)
{
	if (d->trimmed || !sync_stats(d->sync)->in_sync)
		return;
	d->trimmed = true;
	ev_now_update(d->loop); /* the load was long */
	ev_timer_set(&d->trim, TRIM_WAIT_S, 0.);
	ev_timer_start(d->loop, &d->trim);
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
	trim_after_load(d);
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
void turns_wake(void *ctx)
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

void turns_complete(void *ctx)
{
	struct daemon *d = ctx;

	log_info("source: complete, %zu services, %zu slices", store_count(d->store, OBJECT_SERVICE),
		 store_count(d->store, OBJECT_SLICE));
	dispatch_complete(d);
}

void turns_end(void *ctx)
{
	struct daemon *d = ctx;

	if (d->clients_changed)
		dns_clients_update(d);
	daemon_turn(d);
}

const struct service *turns_find(void *ctx, const char *ns, const char *name)
{
	const struct daemon *d = ctx;
	const struct store_service *service = store_service(d->store, ns, name);

	return service != NULL ? service->current : NULL;
}

void turns_published(void *ctx, const struct service *prev, const struct service *next)
{
	struct daemon *d = ctx;

	if (d->nft != NULL) {
		address_notes_log(prev, next);
		left_out_log(prev, next);
	}
	stale_published(d->stale, prev, next);
	sync_metrics_published(d->sync_metrics, prev, next);
	observe_published(d->observe, prev, next);
	lan_zone_published(d->lan_zone, prev, next);
	announce_published(d->announce, prev, next);
	if (d->relay != NULL)
		relay_update(d->relay, prev, next);
}

void turns_gone(void *ctx, const struct frontend_key *key)
{
	struct daemon *d = ctx;

	stale_gone(d->stale, key);
}

void turns_clients(void *ctx)
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
	dns_server_reload(d);
}

void turns_signals_start(struct daemon *d)
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

void turns_watch(struct daemon *d)
{
	ev_init(&d->later, on_later);
	ev_init(&d->trim, on_trim);
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
