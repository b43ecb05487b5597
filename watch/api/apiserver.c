/* Lists and watches every kind of an API server. */
#include "watch/api/apiserver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "watch/api/apiserver_private.h"

#define PROXY_NAME_LABEL "service.kubernetes.io/service-proxy-name"
#define ALL_BUSY_MS 200
#define PATIENT_EVERY 8 /* of the attempts while nothing is served, so many have time for a slow handshake */

static const struct reflector_resource resources[] = {
	{OBJECT_SERVICE, "", "services", "/api/v1/services", "", false},
	{OBJECT_SLICE, "discovery.k8s.io", "endpointslices", "/apis/discovery.k8s.io/v1/endpointslices", "", false},
	{OBJECT_NODE, "", "nodes", "/api/v1/nodes", "", false},
	{OBJECT_SERVICE_CIDR, "networking.k8s.io", "servicecidrs", "/apis/networking.k8s.io/v1/servicecidrs", "", true},
	{OBJECT_NAMESPACE, "", "namespaces", "/api/v1/namespaces", "", false},
	{OBJECT_POD, "", "pods", "/api/v1/pods", "", true},
};

/* Right before the loop sleeps: everything that had arrived was told, so this is one turn. */
static void on_prepare(struct ev_loop *loop, struct ev_prepare *prepare, int events)
{
	struct apiserver *a = prepare->data;

	(void)loop;
	(void)events;
	if (!a->all.turn_due)
		return;
	a->all.turn_due = false;
	a->config.sink.turn_end(a->config.sink.ctx);
}

static void on_counted(void *ctx)
{
	struct apiserver *a = ctx;

	if (--a->uncounted > 0)
		return;
	log_info("apiserver: %s: everything listed", a->credentials.server);
	a->all.turn_due = true;
	a->config.sink.complete(a->config.sink.ctx);
}

static void attempt_later(struct apiserver *a, uint32_t wait_ms)
{
	ev_timer_stop(a->config.loop, &a->attempt_timer);
	ev_timer_set(&a->attempt_timer, wait_ms / 1000.0, 0);
	ev_timer_start(a->config.loop, &a->attempt_timer);
}

/*
 * Nothing is served: the watchers take turns, a second apart, however long one's request hangs. Connections that a load
 * balancer swallows would otherwise wait for TCP's own growing retransmissions.
 */
static void on_attempt(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	struct apiserver *a = timer->data;

	(void)loop;
	(void)events;
	for (size_t i = 0; i < a->watcher_count; i++) {
		size_t at = (a->turn_of + i) % a->watcher_count;
		if (!watcher_attempt(&a->watchers[at], a->pace.attempts % PATIENT_EVERY == 0))
			continue;
		a->turn_of = at + 1;
		a->pace.attempts++;
		attempt_later(a, backoff_silent_ms(&a->pace.random));
		return;
	}
	attempt_later(a, ALL_BUSY_MS);
}

static void silent_set(struct apiserver *a, uint64_t since_ms)
{
	a->silent_ms = since_ms;
	if (a->config.away != NULL)
		a->config.away(a->config.away_ctx, since_ms);
}

static void on_heard(void *ctx)
{
	struct apiserver *a = ctx;

	a->heard_ms = clock_ms();
	if (a->silent_ms == 0)
		return;
	log_notice("apiserver: %s: reachable again after %.1f s", a->credentials.server,
		   (double)(a->heard_ms - a->silent_ms) / 1000.0);
	silent_set(a, 0);
	a->all.problem[0] = '\0';
}

static void silence_tell(struct apiserver *a, const char *error)
{
	if (a->silent_ms != 0)
		return;
	log_warn("apiserver: %s: %s; %s, trying again", a->credentials.server, error,
		 a->uncounted == 0 ? "the last state stays" : "nothing known yet");
	silent_set(a, clock_ms());
}

static void on_served(void *ctx)
{
	struct apiserver *a = ctx;
	uint64_t now_ms = clock_ms();

	if (a->all.served_count > 1)
		return;
	ev_timer_stop(a->config.loop, &a->attempt_timer);
	bool history = pace_resumed(&a->pace, now_ms);
	for (size_t i = 0; i < a->watcher_count; i++)
		watcher_resume(&a->watchers[i], history, now_ms, backoff_between(&a->pace.random, 0, PACE_HURRY_MS));
}

static bool on_failed(void *ctx, const struct fetch_end *end)
{
	struct apiserver *a = ctx;
	uint64_t now_ms = clock_ms();
	bool first = a->pace.since_ms == 0;

	if (a->all.served_count > 0)
		return false;
	if (end->status == 0)
		silence_tell(a, end->error);
	uint32_t wait_ms = pace_failed_ms(&a->pace, now_ms, end->status, end->retry_after_ms);
	for (size_t i = 0; first && i < a->watcher_count; i++)
		watcher_yield(&a->watchers[i]);
	if (first || end->status != 0)
		attempt_later(a, wait_ms);
	return true;
}

/* The label value that marks Services of another implementation is known to the server too. */
static void selector_fill(const struct apiserver_config *config, enum object_kind kind, struct buf *selector)
{
	if (kind == OBJECT_NODE)
		buf_puts(selector, "&fieldSelector=metadata.name%3D");
	if (kind == OBJECT_POD && !config->all_pods)
		buf_puts(selector, "&fieldSelector=spec.nodeName%3D");
	if (kind == OBJECT_NODE || (kind == OBJECT_POD && !config->all_pods))
		reflector_escape(selector, config->node_name);
	if (!config->proxy_only)
		return;
	if (kind == OBJECT_SLICE)
		buf_puts(selector, "&labelSelector=%21service.kubernetes.io%2Fheadless");
	if (kind == OBJECT_SERVICE) {
		buf_puts(selector, "&fieldSelector=spec.clusterIP%21%3DNone&labelSelector=");
		reflector_escape(selector, config->proxy_name != NULL ? PROXY_NAME_LABEL "=" : "!" PROXY_NAME_LABEL);
		reflector_escape(selector, config->proxy_name != NULL ? config->proxy_name : "");
	}
}

static void follow_all(struct apiserver *a)
{
	for (size_t i = 0; i < sizeof resources / sizeof *resources; i++) {
		const struct reflector_resource *resource = &resources[i];
		struct watcher *f = &a->watchers[a->watcher_count];
		if (a->config.proxy_only && (resource->kind == OBJECT_NAMESPACE || resource->kind == OBJECT_POD))
			continue;
		selector_fill(&a->config, resource->kind, &f->selector);
		watcher_init(f, &a->all, resource);
		a->watcher_count++;
	}
	a->uncounted = a->watcher_count;
	for (size_t i = 0; i < a->watcher_count; i++)
		watcher_start(&a->watchers[i]);
}

static struct fetch *fetch_make(const struct apiserver *a, char error[ERROR_BYTES])
{
	const struct credentials *c = &a->credentials;
	const struct fetch_settings settings = {
		.ca_file = c->ca_file,
		.ca_pem = c->ca_pem,
		.cert_file = c->cert_file,
		.cert_pem = c->cert_pem,
		.key_file = c->key_file,
		.key_pem = c->key_pem,
		.insecure = c->insecure,
	};

	if (c->insecure)
		log_warn("apiserver: %s: TLS verification is off: any server is trusted%s", c->server,
			 c->token != NULL || c->token_file != NULL ? " and gets the token" : "");
	return fetch_new(a->config.loop, &settings, error);
}

static void watchers_fill(struct apiserver *a, char error[ERROR_BYTES])
{
	a->all = (struct watchers){.loop = a->config.loop,
				   .sink = &a->config.sink,
				   .credentials = &a->credentials,
				   .fetch = fetch_make(a, error),
				   .reader = object_reader_new(),
				   .watch_quiet_ms = a->config.watch_quiet_ms,
				   .list_quiet_ms = a->config.list_quiet_ms,
				   .counted = on_counted,
				   .heard = on_heard,
				   .served = on_served,
				   .failed = on_failed,
				   .ctx = a};
}

struct apiserver *apiserver_new(const struct apiserver_config *config, struct credentials *credentials,
				char error[ERROR_BYTES])
{
	struct apiserver *a = mem_alloc(sizeof *a);

	a->config = *config;
	a->credentials = *credentials;
	*credentials = (struct credentials){0};
	ev_prepare_init(&a->turn, on_prepare);
	a->turn.data = a;
	ev_timer_init(&a->attempt_timer, on_attempt, 0, 0);
	a->attempt_timer.data = a;
	pace_init(&a->pace, clock_ns());
	watchers_fill(a, error);
	if (a->all.fetch == NULL) {
		apiserver_free(a);
		return NULL;
	}
	ev_prepare_start(config->loop, &a->turn);
	apiserver_metrics(a);
	log_info("apiserver: %s: following", a->credentials.server);
	follow_all(a);
	return a;
}

void apiserver_free(struct apiserver *a)
{
	if (a == NULL)
		return;
	for (size_t i = 0; i < a->watcher_count; i++)
		watcher_fini(&a->watchers[i]);
	ev_timer_stop(a->config.loop, &a->attempt_timer);
	ev_prepare_stop(a->config.loop, &a->turn);
	fetch_free(a->all.fetch);
	object_reader_free(a->all.reader);
	credentials_fini(&a->credentials);
	free(a);
}

void apiserver_state(const struct apiserver *a, struct apiserver_state *state)
{
	*state = (struct apiserver_state){
		.server = a->credentials.server,
		.reachable = a->heard_ms != 0 && a->silent_ms == 0,
		.complete = a->uncounted == 0,
		.problem = a->all.problem,
		.heard_ms = a->heard_ms,
	};
	for (size_t kind = 0; kind < OBJECT_KINDS; kind++) {
		state->events += a->all.events[kind];
		state->lists += a->all.lists[kind];
	}
}
