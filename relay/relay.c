/* Hands plans of localhost node ports to the relay's thread. */
#include "relay/relay.h"

#include <ev.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/call_list.h"
#include "base/descriptors.h"
#include "base/event_loop.h"
#include "base/log_about.h"
#include "base/mailbox.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/thread.h"
#include "relay/relay_plan.h"
#include "relay/relay_ports.h"

#define DESCRIPTORS_MAX (2 * RELAY_CONNECTIONS_MAX + RELAY_SESSIONS_MAX)

/* From the main thread: plan in place of what the key had, or NULL to close it. */
struct command {
	struct mail mail;
	struct relay *relay;
	struct frontend_key key;
	struct relay_plan *plan;
};

struct waiter {
	char *ns, *name;
	int64_t created_s;
};

/* The services that ask for a port. The first by service_precedence has it, as in the kernel (owners.h). */
struct port_queue {
	struct frontend_key key;
	size_t count;
	struct waiter *waiters; /* in that order */
};

struct relay {
	struct map port_queues; /* by key */
	relay_find_fn *find;
	void *ctx;	      /* of find */
	unsigned descriptors; /* taken for connections and sessions */
	pthread_t thread;
	/* shared */
	struct mailbox commands;
	ev_async stop;
	struct relay_ports_counts counts;
	/* the thread's */
	struct ev_loop *loop;
	struct relay_ports *ports;
};

static const struct metric_desc listeners_desc = {"fairlead_localhost_nodeport_listeners",
						  "Localhost node ports that are listened on.", METRIC_GAUGE, NULL, 0};
static const struct metric_desc connections_desc = {
	"fairlead_localhost_nodeport_connections_total",
	"Connections (TCP) and sessions (UDP) through localhost node ports.", METRIC_COUNTER, NULL, 0};
static const struct metric_desc open_desc = {"fairlead_localhost_nodeport_open",
					     "Open connections (TCP) and sessions (UDP).", METRIC_GAUGE, NULL, 0};
static const struct metric_desc failed_desc = {
	"fairlead_localhost_nodeport_failures_total",
	"TCP connections whose endpoint could not be reached; UDP datagrams dropped.", METRIC_COUNTER, NULL, 0};
static const struct metric_desc evicted_desc = {
	"fairlead_localhost_nodeport_evictions_total",
	"Idle connections (TCP) and sessions (UDP) that made room for new ones.", METRIC_COUNTER, NULL, 0};

/* ---- the thread ---- */

static void on_command(void *about)
{
	struct command *o = about;

	relay_ports_set(o->relay->ports, &o->key, o->plan);
	free(o);
}

static void on_stop(struct ev_loop *loop, ev_async *w, int events)
{
	(void)w, (void)events;
	ev_break(loop, EVBREAK_ALL);
}

static const struct thread_kind kind = {.name = "relay",
					.calls = CALLS_BASIC CALLS_LOOP CALLS_SOCKETS
					"accept4 socket:inet bind listen connect getsockname"};

static void *thread_run(void *arg)
{
	struct relay *r = arg;

	ev_run(r->loop, 0);
	return NULL;
}

/* ---- main thread: life ---- */

static void counts_put(void *ctx, struct metrics_page *page)
{
	struct relay *r = ctx;
	const struct metric_label *tcp = METRIC_LABELS({"protocol", "TCP"});
	const struct metric_label *udp = METRIC_LABELS({"protocol", "UDP"});

	metrics_put(page, &listeners_desc, tcp, (double)atomic_load(&r->counts.listeners[0]));
	metrics_put(page, &listeners_desc, udp, (double)atomic_load(&r->counts.listeners[1]));
	metrics_put(page, &connections_desc, tcp, (double)atomic_load(&r->counts.tcp.opened));
	metrics_put(page, &connections_desc, udp, (double)atomic_load(&r->counts.udp.sessions));
	metrics_put(page, &open_desc, tcp, (double)atomic_load(&r->counts.tcp.open));
	metrics_put(page, &open_desc, udp, (double)atomic_load(&r->counts.udp.open));
	metrics_put(page, &failed_desc, tcp, (double)atomic_load(&r->counts.tcp.failed));
	metrics_put(page, &failed_desc, udp, (double)atomic_load(&r->counts.udp.dropped));
	metrics_put(page, &evicted_desc, tcp, (double)atomic_load(&r->counts.tcp.evicted));
	metrics_put(page, &evicted_desc, udp, (double)atomic_load(&r->counts.udp.evicted));
}

/* Half of what there is for Services, at most what full tables need; the other half listens. */
static unsigned descriptors_reserve(void)
{
	unsigned half = descriptors_left() / 2;
	unsigned count = half < DESCRIPTORS_MAX ? half : DESCRIPTORS_MAX;

	return descriptors_take(count) ? count : 0;
}

struct relay *relay_start(struct metrics *metrics, relay_find_fn *find, void *ctx)
{
	struct relay *r = mem_alloc(sizeof *r);

	r->descriptors = descriptors_reserve();
	r->find = find;
	r->ctx = ctx;
	r->loop = event_loop_new();
	mailbox_init(&r->commands, r->loop);
	ev_async_init(&r->stop, on_stop);
	ev_async_start(r->loop, &r->stop);
	r->ports = relay_ports_new(r->loop, &r->counts, r->descriptors);
	metrics_provider(metrics, counts_put, r);
	thread_need(&r->thread, &kind, thread_run, r);
	return r;
}

static void port_queue_remove(struct port_queue *q, size_t at)
{
	free(q->waiters[at].ns);
	free(q->waiters[at].name);
	q->count--;
	memmove(&q->waiters[at], &q->waiters[at + 1], (q->count - at) * sizeof *q->waiters);
}

static void port_queue_free(struct relay *r, struct port_queue *q)
{
	while (q->count != 0)
		port_queue_remove(q, q->count - 1);
	map_del(&r->port_queues, &q->key, sizeof q->key);
	free(q->waiters);
	free(q);
}

void relay_stop(struct relay *r)
{
	struct port_queue *q;
	size_t at = 0;

	if (r == NULL)
		return;
	ev_async_send(r->loop, &r->stop);
	pthread_join(r->thread, NULL);
	mailbox_drain(&r->commands); /* they own their plans */
	relay_ports_free(r->ports);
	mailbox_fini(&r->commands);
	ev_async_stop(r->loop, &r->stop);
	ev_loop_destroy(r->loop);
	while ((q = map_next(&r->port_queues, &at)) != NULL)
		port_queue_free(r, q);
	map_fini(&r->port_queues);
	descriptors_give(r->descriptors);
	free(r);
}

/* ---- main thread: services ---- */

static void command_add(struct relay *r, const struct frontend_key *key, struct relay_plan *plan)
{
	struct command *o = mem_alloc(sizeof *o);

	o->relay = r;
	o->key = *key;
	o->plan = plan;
	mailbox_put(&r->commands, &o->mail, on_command, o);
}

static struct port_queue *port_queue_get(struct relay *r, const struct frontend_key *key)
{
	struct port_queue *q = map_get(&r->port_queues, key, sizeof *key);

	if (q != NULL)
		return q;
	q = mem_alloc(sizeof *q);
	q->key = *key;
	map_put(&r->port_queues, &q->key, sizeof q->key, q);
	return q;
}

static int waiter_compare(const struct waiter *a, const struct service *s)
{
	const struct service asking = {.ns = a->ns, .name = a->name, .created_s = a->created_s};

	return service_precedence(&asking, s);
}

/* Where s is among those who ask, or where it would be. */
static size_t port_queue_position(const struct port_queue *q, const struct service *s, bool *found)
{
	size_t at = 0;

	while (at < q->count && waiter_compare(&q->waiters[at], s) < 0)
		at++;
	*found = at < q->count && waiter_compare(&q->waiters[at], s) == 0;
	return at;
}

static void port_queue_insert(struct port_queue *q, size_t at, const struct service *s)
{
	q->waiters = mem_resize(q->waiters, (q->count + 1) * sizeof *q->waiters);
	memmove(&q->waiters[at + 1], &q->waiters[at], (q->count - at) * sizeof *q->waiters);
	q->waiters[at] = (struct waiter){mem_strdup(s->ns), mem_strdup(s->name), s->created_s};
	q->count++;
}

/* Conflicts of one update: one line, however many ports. */
struct conflicts {
	size_t count;
	bool told; /* the namespace has a line left */
	char first[512];
};

static void conflict_note(struct conflicts *c, const struct port_queue *q, size_t at)
{
	const struct waiter *loser = &q->waiters[at != 0 ? at : 1], *owner = &q->waiters[0];

	if (c->count++ != 0)
		return;
	c->told = log_about(LOG_WARN, loser->ns);
	snprintf(c->first, sizeof c->first, "service %s/%s: localhost node port %u %s belongs to service %s/%s",
		 loser->ns, loser->name, q->key.port, proto_name(q->key.proto), owner->ns, owner->name);
}

static void conflicts_log(const struct conflicts *c)
{
	if (c->count == 1 && c->told)
		log_warn("%s", c->first);
	else if (c->count > 1 && c->told)
		log_warn("%s; and %zu more ports", c->first, c->count - 1);
}

/* The port of the service that listens there; port_count: none. */
static size_t port_find(const struct service *s, const struct frontend_key *key)
{
	struct frontend_key own;
	size_t at = 0;

	while (at < s->port_count && !(relay_plan_key(s, at, &own) && memcmp(&own, key, sizeof own) == 0))
		at++;
	return at;
}

static bool wants(const struct service *s, const struct frontend_key *key)
{
	return s != NULL && port_find(s, key) < s->port_count;
}

static struct relay_plan *plan_make(const struct service *s, const struct frontend_key *key)
{
	return wants(s, key) ? relay_plan_new(s, port_find(s, key)) : NULL;
}

/* The port goes to the next one who asked for it, if any. */
static void port_drop(struct relay *r, const struct service *s, const struct frontend_key *key)
{
	struct port_queue *q = port_queue_get(r, key);
	bool found;
	size_t at = port_queue_position(q, s, &found);

	if (found)
		port_queue_remove(q, at);
	if (found && at == 0)
		command_add(r, key,
			    q->count != 0 ? plan_make(r->find(r->ctx, q->waiters[0].ns, q->waiters[0].name), key)
					  : NULL);
	if (q->count == 0)
		port_queue_free(r, q);
}

static void port_ask(struct relay *r, const struct service *s, size_t port, const struct frontend_key *key,
		     struct conflicts *conflicts)
{
	struct port_queue *q = port_queue_get(r, key);
	bool found;
	size_t at = port_queue_position(q, s, &found);

	if (!found) {
		port_queue_insert(q, at, s);
		if (q->count > 1)
			conflict_note(conflicts, q, at);
	}
	if (at == 0)
		command_add(r, key, relay_plan_new(s, port));
}

void relay_update(struct relay *r, const struct service *prev, const struct service *next)
{
	struct conflicts conflicts = {0};
	struct frontend_key key;
	/* Another Service of that name has another place among those who ask. */
	bool other = prev != NULL && next != NULL && prev->created_s != next->created_s;

	for (size_t i = 0; prev != NULL && i < prev->port_count; i++)
		if (relay_plan_key(prev, i, &key) && (other || !wants(next, &key)))
			port_drop(r, prev, &key);
	for (size_t i = 0; next != NULL && i < next->port_count; i++)
		if (relay_plan_key(next, i, &key))
			port_ask(r, next, i, &key, &conflicts);
	conflicts_log(&conflicts);
}
