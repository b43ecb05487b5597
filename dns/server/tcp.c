/* The thread of DNS over TCP: accepts, takes what the forwarder brings, stops. */
#include "dns/server/tcp.h"

#include <assert.h>
#include <ev.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/call_list.h"
#include "base/descriptors.h"
#include "base/event_loop.h"
#include "base/listener.h"
#include "base/mem.h"
#include "base/thread.h"
#include "dns/server/brought.h"
#include "dns/answer/query_log.h"
#include "dns/server/tcp_conn.h"
#include "dns/zone/rcu.h"

struct tcp {
	struct respond_counts counts;
	struct conns conns;
	struct transfer_threads transfers;
	struct brought brought;
	pthread_t thread;
	struct ev_loop *loop;
	ev_async stop, arrived;
	struct listeners *group;
	struct listener **listeners; /* by place */
	size_t places;
	pthread_mutex_t lock;	       /* of the next */
	int *sockets;		       /* by place: that the thread does not listen on yet; -1: none */
	_Atomic uint32_t rounds, open; /* connections at the last round */
	_Atomic bool leaving;
	uint32_t rounds_asked;
};

/* It asks the routing table whether an address is ours (sock_is_local), and starts zone transfers. */
static const struct thread_kind kind = {.name = "dns-tcp",
					.calls = CALLS_BASIC CALLS_LOOP CALLS_SOCKETS CALLS_THREADS
					"accept4 socket:inet connect getsockname"};

static void on_stop(struct ev_loop *loop, ev_async *w, int events)
{
	(void)w, (void)events;
	ev_break(loop, EVBREAK_ALL);
}

/* The connection without progress for longest gives its descriptor; when there is none, clients wait in the backlog. */
static bool room(void *ctx, bool starved)
{
	struct tcp *t = ctx;

	if (!starved)
		return true;
	atomic_fetch_add_explicit(&t->counts.starved, 1, memory_order_relaxed);
	return conns_close_idle(&t->conns);
}

static void accepted(void *ctx, int fd, const struct sockaddr_storage *from)
{
	struct tcp *t = ctx;

	conns_open(&t->conns, fd, from);
}

static void sockets_adopt(struct tcp *t)
{
	const struct listener_config config = {.what = "dns", .room = room, .accepted = accepted, .ctx = t};

	pthread_mutex_lock(&t->lock);
	for (size_t i = 0; i < t->places; i++) {
		if (t->sockets[i] < 0)
			continue;
		listener_close(t->listeners[i]);
		t->listeners[i] = listener_adopt(t->group, &config, t->sockets[i]);
		t->sockets[i] = -1;
	}
	pthread_mutex_unlock(&t->lock);
}

static void listeners_close(struct tcp *t)
{
	for (size_t i = 0; i < t->places; i++) {
		listener_close(t->listeners[i]);
		t->listeners[i] = NULL;
	}
}

static void on_arrived(struct ev_loop *loop, ev_async *w, int events)
{
	struct tcp *t = w->data;

	(void)loop, (void)events;
	sockets_adopt(t);
	if (atomic_load(&t->leaving))
		listeners_close(t);
	atomic_store_explicit(&t->open, (uint32_t)t->conns.count, memory_order_relaxed);
	atomic_fetch_add_explicit(&t->rounds, 1, memory_order_relaxed);
}

static void *tcp_run(void *arg)
{
	struct tcp *t = arg;

	rcu_register_thread();
	ev_run(t->loop, 0);
	rcu_unregister_thread();
	return NULL;
}

static void conns_init(struct tcp *t, const struct respond_config *config)
{
	struct conns *c = &t->conns;

	c->loop = t->loop;
	c->responder = (struct responder){.config = config, .counts = &t->counts};
	c->log = config->log == NULL ? NULL : querylog_ring(config->log, &t->counts);
	c->transfers = &t->transfers;
	c->max = descriptors_own() / 2 < TCP_CONNECTIONS ? descriptors_own() / 2 : TCP_CONNECTIONS;
	TAILQ_INIT(&c->list);
	brought_start(&t->brought, t->loop, conns_take);
	if (config->forward != NULL)
		c->responder.port = forward_port(config->forward, brought_add, &t->brought);
}

struct tcp *tcp_start(size_t places, const struct respond_config *config)
{
	struct tcp *t = mem_alloc(sizeof *t);

	t->loop = event_loop_new();
	rcu_loop(t->loop);
	conns_init(t, config);
	t->places = places;
	t->group = listeners_new(t->loop);
	t->listeners = mem_array(places, sizeof(struct listener *));
	t->sockets = mem_array(places, sizeof *t->sockets);
	for (size_t i = 0; i < places; i++)
		t->sockets[i] = -1;
	pthread_mutex_init(&t->lock, NULL);
	ev_async_init(&t->stop, on_stop);
	ev_async_init(&t->arrived, on_arrived);
	t->arrived.data = t;
	ev_async_start(t->loop, &t->stop);
	ev_async_start(t->loop, &t->arrived);
	thread_need(&t->thread, &kind, tcp_run, t);
	return t;
}

void tcp_listen(struct tcp *t, size_t place, int fd)
{
	assert(place < t->places);
	pthread_mutex_lock(&t->lock);
	if (t->sockets[place] >= 0)
		close(t->sockets[place]);
	t->sockets[place] = fd;
	pthread_mutex_unlock(&t->lock);
	ev_async_send(t->loop, &t->arrived);
}

/* Several wake-ups may become one round: that it has moved at all is enough. */
bool tcp_is_alive(struct tcp *t)
{
	const uint32_t now = atomic_load_explicit(&t->rounds, memory_order_relaxed);
	const bool alive = now != t->rounds_asked;

	t->rounds_asked = now;
	ev_async_send(t->loop, &t->arrived);
	return alive;
}

void tcp_stop(struct tcp *t)
{
	ev_async_send(t->loop, &t->stop);
	pthread_join(t->thread, NULL);
	while (conns_close_idle(&t->conns)) /* first: a reply that is brought lets one go on with its next queries */
		;
	if (t->conns.responder.port != NULL)
		forward_port_drain(t->conns.responder.port);
	brought_stop(&t->brought);
	transfer_threads_stop(&t->transfers);
	sockets_adopt(t);
	listeners_close(t);
	listeners_free(t->group);
	pthread_mutex_destroy(&t->lock);
	ev_async_stop(t->loop, &t->arrived);
	ev_async_stop(t->loop, &t->stop);
	ev_loop_destroy(t->loop);
	free(t->listeners);
	free(t->sockets);
	free(t);
}

void tcp_leave(struct tcp *t)
{
	atomic_store(&t->leaving, true);
	atomic_store_explicit(&t->open, UINT32_MAX, memory_order_relaxed); /* not known before the next round */
	ev_async_send(t->loop, &t->arrived);
}

bool tcp_is_idle(const struct tcp *t)
{
	return atomic_load_explicit(&t->open, memory_order_relaxed) == 0;
}

const struct respond_counts *tcp_counts(const struct tcp *t)
{
	return &t->counts;
}
