#include "proxy/relay.h"

#include <ev.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/resource.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "proxy/relay_plan.h"
#include "proxy/relay_ports.h"

#define DESCRIPTORS_OTHERS 512U /* left to the rest of the daemon */
#define DESCRIPTORS_MIN 64U

/* From the main thread: plan in place of what the key had, or NULL to close it. */
struct order {
	struct frontend_key key;
	struct relay_plan *plan;
	STAILQ_ENTRY(order) link;
};

/* Which service a port belongs to: two that ask for the same one must not take it from each other in turns. */
struct owner {
	struct frontend_key key;
	char *service; /* "ns/name" */
};

struct relay {
	struct map owners; /* by key */
	pthread_t thread;
	/* shared */
	pthread_mutex_t lock; /* of orders and stop */
	STAILQ_HEAD(, order) orders;
	bool stop;
	ev_async wake;
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
static const struct metric_desc evicted_desc = {"fairlead_localhost_nodeport_evictions_total",
						"UDP sessions ended early because the table was full.", METRIC_COUNTER,
						NULL, 0};

/* ---- the thread ---- */

static void on_wake(struct ev_loop *loop, ev_async *w, int events)
{
	struct relay *r = w->data;
	struct order *o;
	bool stop;

	(void)events;
	do {
		pthread_mutex_lock(&r->lock);
		stop = r->stop;
		o = STAILQ_FIRST(&r->orders);
		if (o != NULL)
			STAILQ_REMOVE_HEAD(&r->orders, link);
		pthread_mutex_unlock(&r->lock);
		if (o != NULL)
			relay_ports_set(r->ports, &o->key, o->plan);
		free(o);
	} while (o != NULL);
	if (stop)
		ev_break(loop, EVBREAK_ALL);
}

static void *thread_run(void *arg)
{
	struct relay *r = arg;

	ev_run(r->loop, 0);
	relay_ports_free(r->ports);
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
	metrics_put(page, &evicted_desc, udp, (double)atomic_load(&r->counts.udp.evicted));
}

/*
 * Raises the limit of file descriptors as far as it goes (two a connection do not fit into the usual 1024) and returns
 * how many of them the relay may take.
 */
static unsigned descriptors_raise(void)
{
	struct rlimit limit;
	rlim_t now;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return DESCRIPTORS_MIN;
	now = limit.rlim_cur;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) == 0)
		now = limit.rlim_cur;
	if (now < DESCRIPTORS_OTHERS + DESCRIPTORS_MIN)
		return DESCRIPTORS_MIN;
	return now < UINT_MAX ? (unsigned)now - DESCRIPTORS_OTHERS : UINT_MAX;
}

struct relay *relay_start(struct metrics *metrics)
{
	struct relay *r = mem_alloc(sizeof *r);
	sigset_t all, before;

	unsigned descriptors = descriptors_raise();
	STAILQ_INIT(&r->orders);
	pthread_mutex_init(&r->lock, NULL);
	r->loop = ev_loop_new(EVFLAG_AUTO);
	if (r->loop == NULL)
		fatalx("localhost node ports: no event loop");
	ev_async_init(&r->wake, on_wake);
	r->wake.data = r;
	ev_async_start(r->loop, &r->wake);
	r->ports = relay_ports_new(r->loop, &r->counts, descriptors);
	metrics_provider(metrics, counts_put, r);
	sigfillset(&all); /* signals are the main thread's */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int error = pthread_create(&r->thread, NULL, thread_run, r);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error != 0)
		fatalx("localhost node ports: no thread: %s", strerror(error));
	return r;
}

static void owner_free(struct relay *r, struct owner *o)
{
	map_del(&r->owners, &o->key, sizeof o->key);
	free(o->service);
	free(o);
}

void relay_stop(struct relay *r)
{
	struct owner *o;
	size_t at = 0;

	if (r == NULL)
		return;
	pthread_mutex_lock(&r->lock);
	r->stop = true;
	pthread_mutex_unlock(&r->lock);
	ev_async_send(r->loop, &r->wake);
	pthread_join(r->thread, NULL);
	ev_async_stop(r->loop, &r->wake);
	ev_loop_destroy(r->loop);
	while ((o = map_next(&r->owners, &at)) != NULL)
		owner_free(r, o);
	map_fini(&r->owners);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

/* ---- main thread: services ---- */

static void order_add(struct relay *r, const struct frontend_key *key, struct relay_plan *plan)
{
	struct order *o = mem_alloc(sizeof *o);

	o->key = *key;
	o->plan = plan;
	pthread_mutex_lock(&r->lock);
	STAILQ_INSERT_TAIL(&r->orders, o, link);
	pthread_mutex_unlock(&r->lock);
	ev_async_send(r->loop, &r->wake);
}

static bool owned_by(const struct owner *o, const struct service *s)
{
	size_t ns_bytes = strlen(s->ns);

	return strncmp(o->service, s->ns, ns_bytes) == 0 && o->service[ns_bytes] == '/' &&
	       strcmp(o->service + ns_bytes + 1, s->name) == 0;
}

static struct owner *owner_new(struct relay *r, const struct frontend_key *key, const struct service *s)
{
	struct owner *o = mem_alloc(sizeof *o);
	struct buf name = {0};

	buf_printf(&name, "%s/%s", s->ns, s->name);
	o->key = *key;
	o->service = name.data;
	map_put(&r->owners, &o->key, sizeof o->key, o);
	return o;
}

static bool wants(const struct service *s, const struct frontend_key *key)
{
	struct frontend_key own;

	for (size_t i = 0; s != NULL && i < s->port_count; i++)
		if (relay_plan_key(s, i, &own) && memcmp(&own, key, sizeof own) == 0)
			return true;
	return false;
}

static void port_drop(struct relay *r, const struct service *s, const struct frontend_key *key)
{
	struct owner *o = map_get(&r->owners, key, sizeof *key);

	if (o == NULL || !owned_by(o, s))
		return;
	order_add(r, key, NULL);
	owner_free(r, o);
}

static void port_ask(struct relay *r, const struct service *s, size_t port, const struct frontend_key *key)
{
	struct owner *o = map_get(&r->owners, key, sizeof *key);

	if (o == NULL)
		o = owner_new(r, key, s);
	if (owned_by(o, s))
		order_add(r, key, relay_plan_new(s, port));
	else
		log_warn("service %s/%s: localhost node port %u %s belongs to service %s", s->ns, s->name, key->port,
			 proto_name(key->proto), o->service);
}

void relay_update(struct relay *r, const struct service *prev, const struct service *next)
{
	struct frontend_key key;

	for (size_t i = 0; prev != NULL && i < prev->port_count; i++)
		if (relay_plan_key(prev, i, &key) && !wants(next, &key))
			port_drop(r, prev, &key);
	for (size_t i = 0; next != NULL && i < next->port_count; i++)
		if (relay_plan_key(next, i, &key))
			port_ask(r, next, i, &key);
}
