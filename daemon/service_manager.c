/* Tells the service manager how this process is. */
#include "daemon/service_manager.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/dns_threads.h"
#include "daemon/notify.h"

#define READY_POLL_S 0.02
#define LATE_POLL_S 1.0
#define LOOKS_PER_LIMIT 4 /* at its threads, in the watchdog's time */

static void send_status(const struct daemon *d, const char *state)
{
	char message[160], status[96];

	const size_t services = store_count(d->store, OBJECT_SERVICE);

	if (daemon_ready(d))
		snprintf(status, sizeof status, "in sync, %zu service%s", services, services == 1 ? "" : "s");
	else
		snprintf(status, sizeof status, "not in sync yet, see `fairlead status`");
	snprintf(message, sizeof message, "%sSTATUS=%s", state, status);
	notify_send(message);
}

static void on_ready(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct daemon *d = timer->data;
	struct service_manager *m = &d->service_manager;
	const bool late = clock_ms() - m->asked_ms >= SERVICE_MANAGER_READY_MS;

	(void)events;
	m->in_sync = daemon_ready(d);
	if (!m->in_sync && !late)
		return;
	if (!m->told || m->in_sync)
		send_status(d, m->told ? "" : "READY=1\n");
	m->told = true;
	timer->repeat = LATE_POLL_S;
	if (m->in_sync)
		ev_timer_stop(loop, timer);
	else
		ev_timer_again(loop, timer);
}

/* This thread is alive, or it would not be here; the others that serve are asked. */
static void on_watchdog(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct daemon *d = timer->data;
	struct service_manager *m = &d->service_manager;
	const uint64_t now_ms = clock_ms();

	(void)loop, (void)events;
	if (dns_threads_are_alive(d, now_ms))
		m->alive_ms = now_ms;
	if (now_ms - m->alive_ms < m->limit_ms / 2)
		send_status(d, "WATCHDOG=1\n"); /* the count may have changed */
	else
		log_warn("systemd: a DNS thread is stuck for %" PRIu64 " s, the watchdog is not answered",
			 (now_ms - m->alive_ms) / 1000);
}

static uint64_t watchdog_ms(void)
{
	const char *limit_us = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");

	if (limit_us == NULL || (pid != NULL && strtol(pid, NULL, 10) != getpid()))
		return 0;
	return strtoull(limit_us, NULL, 10) / 1000;
}

void service_manager_start(struct daemon *d)
{
	struct service_manager *m = &d->service_manager;

	if (getenv("NOTIFY_SOCKET") == NULL)
		return;
	m->asked_ms = m->alive_ms = clock_ms();
	ev_timer_init(&m->ready, on_ready, 0., READY_POLL_S);
	m->ready.data = m->watchdog.data = d;
	ev_timer_start(d->loop, &m->ready);
	m->limit_ms = watchdog_ms();
	const double every_s = (double)m->limit_ms / 1000 / LOOKS_PER_LIMIT;
	ev_timer_init(&m->watchdog, on_watchdog, every_s, every_s);
	if (m->limit_ms > 0)
		ev_timer_start(d->loop, &m->watchdog);
}

void service_manager_stop(struct daemon *d)
{
	struct service_manager *m = &d->service_manager;

	if (m->asked_ms == 0)
		return;
	ev_timer_stop(d->loop, &m->ready);
	ev_timer_stop(d->loop, &m->watchdog);
	notify_send("STOPPING=1");
}
