/* The main thread's side of the prober: which targets there are, and what is known of them. */
#include "watch/lab/prober.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "watch/lab/prober_private.h"

/* ---- results ---- */

/* unknown is 0 once nothing is awaited any more. */
static void no_longer_awaited(struct prober *p, const struct endpoint_probe *probe)
{
	if (probe->at_start && p->unknown != 0)
		p->unknown--;
}

/* One that counted as ready, for it was not probed, goes on so until it has a result. */
static void accept_news(struct prober *p, struct endpoint_probe *probe)
{
	probe->reported = false;
	if (probe->verdict.known && !probe->news.known)
		return;
	if (!probe->verdict.known && probe->news.known)
		no_longer_awaited(p, probe);
	probe->verdict = probe->news;
}

void prober_on_news(void *prober)
{
	struct prober *p = prober;
	struct endpoint_probe *probe;

	pthread_mutex_lock(&p->lock);
	while ((probe = TAILQ_FIRST(&p->news)) != NULL) {
		TAILQ_REMOVE(&p->news, probe, link);
		if (probe->wanted != 0)
			accept_news(p, probe);
		else
			probe->reported = false;
	}
	p->news_sent = false;
	pthread_mutex_unlock(&p->lock);
	p->changed(p->ctx);
}

/* ---- targets ---- */

static void key_probe(struct buf *key, const struct probe_object *o)
{
	char addr[ADDR_TEXT_BYTES];

	buf_printf(key, "%d %s %u %u %u %u %u %u %s", o->action, addr_format(&o->host, addr), o->port,
		   o->initial_delay_ms, o->period_ms, o->timeout_ms, o->success_threshold, o->failure_threshold,
		   o->path != NULL ? o->path : "");
	for (size_t i = 0; i < o->header_count; i++)
		buf_printf(key, "\n%s:%s", o->headers[i].name, o->headers[i].value);
	for (size_t i = 0; i < o->command_count; i++)
		buf_printf(key, "\n%zu:%s", strlen(o->command[i]), o->command[i]);
	if (o->netns != NULL)
		buf_printf(key, "\n%s", o->netns);
	buf_puts(key, "\n\n");
}

static void key_make(struct buf *key, const struct probe_target *t)
{
	char addr[ADDR_PORT_TEXT_BYTES];

	buf_printf(key, "%s\n", addr_port_format(&t->addr, t->port, addr));
	for (unsigned i = 0; i < PROBE_ROLES; i++)
		key_probe(key, &t->set->of[i]);
}

static const char *const *command_copy(struct arena *arena, const struct probe_object *o)
{
	const char **to = arena_array(arena, o->command_count, sizeof *to);

	for (size_t i = 0; i < o->command_count; i++)
		to[i] = arena_strdup(arena, o->command[i]);
	return to;
}

static const struct probe_set *set_copy(struct arena *arena, const struct probe_set *from)
{
	struct probe_set *to = arena_alloc(arena, sizeof *to);

	*to = *from;
	to->container = arena_strdup(arena, from->container);
	for (unsigned i = 0; i < PROBE_ROLES; i++) {
		struct probe_object *o = &to->of[i];
		struct probe_header *headers = arena_array(arena, o->header_count, sizeof *headers);
		for (size_t k = 0; k < o->header_count; k++)
			headers[k] = (struct probe_header){arena_strdup(arena, o->headers[k].name),
							   arena_strdup(arena, o->headers[k].value)};
		o->headers = headers;
		o->path = arena_strdup(arena, o->path);
		o->command = command_copy(arena, o);
		o->netns = arena_strdup(arena, o->netns);
	}
	return to;
}

void prober_target_free(struct endpoint_probe *p)
{
	arena_free(p->arena);
	free(p->key);
	free(p);
}

static void start(struct prober *p, struct endpoint_probe *probe)
{
	if (map_count(&p->by_key) - p->beyond_count > PROBER_TARGETS_MAX) {
		if (!p->told_limit)
			log_warn("probes: more than %d: the rest counts as ready", PROBER_TARGETS_MAX);
		p->told_limit = true;
		probe->beyond = true;
		p->beyond_count++;
		TAILQ_INSERT_TAIL(&p->beyond, probe, beyond_link);
		probe->verdict = (struct verdict){.known = true, .ready = true};
		snprintf(probe->verdict.why, WHY_BYTES, "not probed: more than %d are", PROBER_TARGETS_MAX);
		return;
	}
	snprintf(probe->verdict.why, WHY_BYTES, PROBE_NO_RESULT);
	probe->news = probe->verdict;
	probe->at_start = !p->past_start;
	p->unknown += probe->at_start;
	mailbox_put(&p->to_thread, &probe->start, prober_on_start, probe);
}

static void beyond_remove(struct prober *p, struct endpoint_probe *probe)
{
	TAILQ_REMOVE(&p->beyond, probe, beyond_link);
	p->beyond_count--;
	probe->beyond = false;
}

/* There is room for one more. It may be in use, as what is there when the daemon starts: its first result decides. */
static void start_waiting(struct prober *p)
{
	struct endpoint_probe *probe = TAILQ_FIRST(&p->beyond);

	if (probe == NULL)
		return;
	beyond_remove(p, probe);
	probe->verdict.why[0] = '\0';
	probe->at_start = true;
	mailbox_put(&p->to_thread, &probe->start, prober_on_start, probe);
}

static struct endpoint_probe *on_want(void *ctx, const struct probe_target *target)
{
	struct prober *p = ctx;
	struct buf key = {0};
	struct endpoint_probe *probe;

	key_make(&key, target);
	probe = map_get_str(&p->by_key, key.data);
	if (probe == NULL) {
		probe = mem_alloc(sizeof *probe);
		probe->prober = p;
		probe->arena = arena_new(512);
		probe->owner = arena_strdup(probe->arena, target->owner);
		probe->addr = target->addr;
		probe->port = target->port;
		probe->set = set_copy(probe->arena, target->set);
		probe->key = mem_strdup(key.data);
		map_put_str(&p->by_key, probe->key, probe);
		start(p, probe);
	}
	probe->wanted++;
	buf_fini(&key);
	return probe;
}

static void on_release(void *ctx, struct endpoint_probe *probe)
{
	struct prober *p = ctx;

	if (--probe->wanted != 0)
		return;
	map_del_str(&p->by_key, probe->key);
	if (!probe->verdict.known)
		no_longer_awaited(p, probe);
	if (probe->beyond) {
		beyond_remove(p, probe);
		prober_target_free(probe);
		return;
	}
	mailbox_put(&p->to_thread, &probe->stop, prober_on_stop, probe);
	start_waiting(p);
}

static bool on_ready(void *ctx, const struct endpoint_probe *probe, const char **why)
{
	(void)ctx;
	*why = probe->verdict.why[0] != '\0' ? probe->verdict.why : NULL;
	return probe->verdict.ready;
}

void prober_each(struct prober *p, probe_seen_fn *fn, void *ctx)
{
	const struct endpoint_probe *probe;
	size_t at = 0;

	while ((probe = map_next(&p->by_key, &at)) != NULL) {
		struct probe_seen seen = {.owner = probe->owner,
					  .container = probe->set->container,
					  .addr = probe->addr,
					  .port = probe->port};
		seen.ready = on_ready(p, probe, &seen.why);
		pthread_mutex_lock(&p->lock);
		probe_history_get(&probe->history, &p->reasons, &seen);
		pthread_mutex_unlock(&p->lock);
		fn(ctx, &seen);
	}
}

/* ---- the daemon's start ---- */

static void on_start_limit(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	struct prober *p = timer->data;

	(void)loop, (void)events;
	log_info("probes: %zu have no result yet: these endpoints are not ready", p->unknown);
	p->unknown = 0;
	p->changed(p->ctx);
}

static bool on_starting(void *ctx)
{
	struct prober *p = ctx;

	if (!p->past_start && p->unknown != 0) {
		ev_now_update(p->main);
		ev_timer_start(p->main, &p->start_limit);
	}
	p->past_start = true;
	if (p->unknown == 0)
		ev_timer_stop(p->main, &p->start_limit);
	return ev_is_active(&p->start_limit);
}

const struct probes *prober_probes(const struct prober *p)
{
	return &p->probes;
}

struct prober *prober_new(struct ev_loop *main, struct exec_helper *helper, void (*changed)(void *ctx), void *ctx)
{
	struct prober *p = mem_alloc(sizeof *p);

	p->main = main;
	p->helper = helper;
	p->changed = changed;
	p->ctx = ctx;
	p->probes = (struct probes){on_want, on_release, on_ready, on_starting, p};
	TAILQ_INIT(&p->news);
	TAILQ_INIT(&p->all);
	TAILQ_INIT(&p->beyond);
	TAILQ_INIT(&p->waiting);
	pthread_mutex_init(&p->lock, NULL);
	mailbox_init(&p->to_main, main);
	ev_timer_init(&p->start_limit, on_start_limit, PROBER_START_MS / 1000.0, 0);
	p->start_limit.data = p;
	prober_thread_start(p);
	return p;
}

void prober_free(struct prober *p)
{
	struct endpoint_probe *probe;
	size_t at = 0;

	if (p == NULL)
		return;
	prober_thread_stop(p);
	while ((probe = map_next(&p->by_key, &at)) != NULL)
		prober_target_free(probe);
	map_fini(&p->by_key);
	ev_timer_stop(p->main, &p->start_limit);
	mailbox_fini(&p->to_main);
	pthread_mutex_destroy(&p->lock);
	free(p);
}
