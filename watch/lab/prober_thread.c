/* The prober's thread: begins what is due, and tells what changed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/call_list.h"
#include "base/clock.h"
#include "base/event_loop.h"
#include "base/log.h"
#include "base/thread.h"
#include "watch/lab/prober_private.h"

/* Reads what endpoints send: it opens no file and makes no process. */
static const struct thread_kind kind = {
	.name = "probes", .calls = CALLS_BASIC CALLS_LOOP CALLS_SOCKETS "socket:inet connect getsockname getpeername"};

static void check_schedule(struct check *c);

/* ---- what is told ---- */

static void verdict_make(const struct endpoint_probe *p, struct verdict *v)
{
	const bool startup = !p->state.started;

	*v = (struct verdict){.known = probe_set_known(&p->state, p->set), .ready = probe_set_ready(&p->state, p->set)};
	if (!v->ready && p->failed[0] != '\0')
		snprintf(v->why, sizeof v->why, "%sprobe failing: %s", startup ? "startup " : "", p->failed);
	else if (!v->ready)
		snprintf(v->why, sizeof v->why, "%s%s", startup ? "startup " : "",
			 v->known ? "probe passes, not yet often enough" : PROBE_NO_RESULT);
}

static void tell(struct endpoint_probe *p)
{
	struct prober *prober = p->prober;
	struct verdict v;

	verdict_make(p, &v);
	pthread_mutex_lock(&prober->lock);
	const bool same = v.known == p->news.known && v.ready == p->news.ready && strcmp(v.why, p->news.why) == 0;
	if (!same && !p->reported)
		TAILQ_INSERT_TAIL(&prober->news, p, link);
	p->reported = p->reported || !same;
	p->news = v;
	const bool send = p->reported && !prober->news_sent;
	prober->news_sent = prober->news_sent || send;
	pthread_mutex_unlock(&prober->lock);
	if (send)
		mailbox_put(&prober->to_main, &prober->news_mail, prober_on_news, prober);
}

static void log_change(const struct check *c, bool success, const char *why)
{
	static const char *const names[PROBE_ROLES] = {"startup", "readiness", "liveness"};
	const struct endpoint_probe *p = c->probe;
	char addr[ADDR_TEXT_BYTES];

	log_info("%s%s%s: %s probe of %s %s%s%s", p->owner, p->set->container[0] != '\0' ? " container " : "",
		 p->set->container, names[c->role], addr_format(&p->addr, addr), success ? "passes" : "fails",
		 success ? "" : ": ", success ? "" : why);
}

/* ---- attempts ---- */

static void attempt_begin(struct check *c);

/* Against PROBER_RUNNING_MAX: exec probes have a queue of their own. */
static bool counts(const struct check *c)
{
	return c->probe->set->of[c->role].action != PROBE_EXEC;
}

static void waiting_begin(struct prober *p)
{
	struct check *c = TAILQ_FIRST(&p->waiting);

	if (c == NULL || p->attempts >= PROBER_RUNNING_MAX)
		return;
	TAILQ_REMOVE(&p->waiting, c, link);
	c->waits = false;
	attempt_begin(c);
}

static unsigned random_next(struct prober *p)
{
	p->random = p->random * 1103515245u + 12345u;
	return p->random >> 8;
}

/* What follows ": " may differ each time, such as a command's last line: that alone is no news. */
static void failed_set(struct endpoint_probe *p, const char *why)
{
	const char *detail = strstr(why, ": ");
	const size_t same = detail != NULL ? (size_t)(detail - why) + 2 : strlen(why) + 1;

	if (strncmp(p->failed, why, same) != 0)
		snprintf(p->failed, sizeof p->failed, "%s", why);
}

static void history_add(const struct check *c, const char *why)
{
	struct endpoint_probe *p = c->probe;
	struct prober *prober = p->prober;

	if (c->role == PROBE_LIVENESS &&
	    (p->set->of[PROBE_STARTUP].action != PROBE_NONE || p->set->of[PROBE_READINESS].action != PROBE_NONE))
		return;
	pthread_mutex_lock(&prober->lock);
	probe_history_add(&p->history, &prober->reasons, why);
	pthread_mutex_unlock(&prober->lock);
}

/* What comes next, of all of its probes: one may have opened the gate of others. */
static void go_on(struct endpoint_probe *p)
{
	for (unsigned i = 0; i < PROBE_ROLES; i++)
		check_schedule(&p->checks[i]);
	tell(p);
	waiting_begin(p->prober);
}

/* As a kubelet, which throws such a result away; the endpoint stays as it is. */
static void on_none(void *ctx, const char *why)
{
	struct check *c = ctx;
	struct endpoint_probe *p = c->probe;

	c->attempt = NULL;
	p->prober->attempts -= counts(c);
	probe_set_no_result(&p->state, p->set, c->role, c->begun_ms, clock_ms(), random_next(p->prober));
	if (c->role != PROBE_LIVENESS && !probe_set_known(&p->state, p->set))
		failed_set(p, why);
	go_on(p);
}

static void on_end(void *ctx, bool success, const char *why)
{
	struct check *c = ctx;
	struct endpoint_probe *p = c->probe;
	const bool was = p->state.of[c->role].passing;
	const bool was_known = p->state.of[c->role].known;

	c->attempt = NULL;
	p->prober->attempts -= counts(c);
	probe_set_result(&p->state, p->set, c->role, success, c->begun_ms, clock_ms(), random_next(p->prober));
	if (c->role != PROBE_LIVENESS)
		failed_set(p, success ? "" : why);
	history_add(c, success ? "" : why);
	if (p->state.of[c->role].passing != was || (!was_known && !success && c->role != PROBE_LIVENESS))
		log_change(c, success, why);
	go_on(p);
}

static void attempt_begin(struct check *c)
{
	struct endpoint_probe *p = c->probe;
	const struct probe_object *spec = &p->set->of[c->role];
	const struct probe_request r = {
		.spec = spec, .addr = p->addr, .port = p->port, .end = on_end, .none = on_none, .ctx = c};

	p->prober->attempts += counts(c);
	c->begun_ms = clock_ms();
	if (spec->action == PROBE_TCP)
		c->attempt = probe_tcp_start(p->prober->loop, &r);
	else if (spec->action == PROBE_GRPC)
		c->attempt = probe_grpc_start(p->prober->curl, &r);
	else if (spec->action == PROBE_EXEC)
		c->attempt = probe_exec_start(p->prober->exec, &r);
	else
		c->attempt = probe_http_start(p->prober->curl, &r);
}

static void on_due(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	struct check *c = timer->data;
	struct prober *p = c->probe->prober;

	(void)loop, (void)events;
	if (p->attempts < PROBER_RUNNING_MAX || !counts(c)) {
		attempt_begin(c);
		return;
	}
	c->waits = true;
	TAILQ_INSERT_TAIL(&p->waiting, c, link);
}

/* The nearest moment at which others are due, too: to wake up is a good part of what a probe costs. */
static uint64_t tick_of(uint64_t due_ms)
{
	return (due_ms + PROBER_TICK_MS / 2) / PROBER_TICK_MS * PROBER_TICK_MS;
}

static void check_schedule(struct check *c)
{
	const uint64_t due_ms = c->probe->state.of[c->role].due_ms, now_ms = clock_ms();
	struct ev_loop *loop = c->probe->prober->loop;

	ev_timer_stop(loop, &c->timer);
	if (due_ms == PROBE_NEVER || c->attempt != NULL || c->waits)
		return;
	ev_timer_set(&c->timer, tick_of(due_ms) > now_ms ? (double)(tick_of(due_ms) - now_ms) / 1000 : 0., 0.);
	ev_timer_start(loop, &c->timer);
}

/* ---- mail ---- */

void prober_on_start(void *probe)
{
	struct endpoint_probe *p = probe;

	TAILQ_INSERT_TAIL(&p->prober->all, p, all);
	probe_set_begin(&p->state, p->set, clock_ms(), p->at_start);
	ev_now_update(p->prober->loop);
	for (unsigned i = 0; i < PROBE_ROLES; i++) {
		struct check *c = &p->checks[i];
		c->probe = p;
		c->role = (enum probe_role)i;
		ev_timer_init(&c->timer, on_due, 0, 0);
		c->timer.data = c;
		check_schedule(c);
	}
	tell(p);
}

static void checks_end(struct endpoint_probe *p)
{
	for (unsigned i = 0; i < PROBE_ROLES; i++) {
		struct check *c = &p->checks[i];
		ev_timer_stop(p->prober->loop, &c->timer);
		if (c->waits)
			TAILQ_REMOVE(&p->prober->waiting, c, link);
		if (c->attempt == NULL)
			continue;
		probe_attempt_cancel(c->attempt);
		p->prober->attempts -= counts(c);
	}
}

void prober_on_stop(void *probe)
{
	struct endpoint_probe *p = probe;
	struct prober *prober = p->prober;

	checks_end(p);
	pthread_mutex_lock(&prober->lock);
	if (p->reported)
		TAILQ_REMOVE(&prober->news, p, link);
	pthread_mutex_unlock(&prober->lock);
	TAILQ_REMOVE(&prober->all, p, all);
	prober_target_free(p);
	waiting_begin(prober);
}

/* ---- the thread ---- */

static void on_stop(struct ev_loop *loop, ev_async *w, int events)
{
	(void)w, (void)events;
	ev_break(loop, EVBREAK_ALL);
}

static void *run(void *arg)
{
	struct prober *p = arg;

	ev_run(p->loop, 0);
	return NULL;
}

void prober_thread_start(struct prober *p)
{
	p->loop = event_loop_new();
	p->curl = probe_curl_new(p->loop);
	p->exec = probe_exec_new(p->loop, p->helper);
	p->random = (unsigned)clock_ns();
	mailbox_init(&p->to_thread, p->loop);
	ev_async_init(&p->stop, on_stop);
	ev_async_start(p->loop, &p->stop);
	thread_need(&p->thread, &kind, run, p);
}

void prober_thread_stop(struct prober *p)
{
	struct endpoint_probe *probe;

	ev_async_send(p->loop, &p->stop);
	pthread_join(p->thread, NULL);
	mailbox_drain(&p->to_thread);
	TAILQ_FOREACH(probe, &p->all, all)
	checks_end(probe);
	probe_curl_free(p->curl);
	probe_exec_free(p->exec);
	ev_async_stop(p->loop, &p->stop);
	mailbox_fini(&p->to_thread);
	ev_loop_destroy(p->loop);
}
