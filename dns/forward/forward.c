/* The forwarder's thread, and the rings that lead to it. */
#include "dns/forward/forward.h"

#include <ev.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/call_list.h"
#include "base/clock.h"
#include "base/descriptors.h"
#include "base/event_loop.h"
#include "base/mem.h"
#include "base/sock.h"
#include "base/thread.h"
#include "dns/forward/forward_private.h"
#include "dns/zone/rcu.h"

#define TAKEN_AT_ONCE 64 /* from a ring; then replies and timers have their turn */

void forward_request_free(struct forward_request *r)
{
	free(r->reply);
	free(r);
}

void forward_send(struct forward_request *r, const uint8_t *reply, size_t length)
{
	struct iovec iov = {(void *)(uintptr_t)reply, length};
	struct msghdr h = {.msg_name = &r->from, .msg_iov = &iov, .msg_iovlen = 1};

	quota_give(&r->port->forward->quota, r->place);
	if (r->port->deliver != NULL && r->conn != NULL) {
		if (length > 0)
			r->reply = memcpy(mem_alloc(length), reply, length);
		r->reply_bytes = length;
		r->port->deliver(r->port->ctx, r);
		return;
	}
	h.msg_namelen = r->from.ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
	h.msg_control = r->control_bytes > 0 ? r->control : NULL;
	h.msg_controllen = r->control_bytes;
	if (length > 0)
		(void)sendmsg(r->fd, &h, MSG_DONTWAIT); /* lost like any datagram */
	forward_request_free(r);
}

static uintptr_t pop(struct forward_port *p)
{
	unsigned tail = atomic_load_explicit(&p->tail, memory_order_relaxed);

	if (tail == atomic_load_explicit(&p->head, memory_order_acquire))
		return 0;
	uintptr_t got = p->ring[tail % FORWARD_RING];
	atomic_store_explicit(&p->tail, tail + 1, memory_order_release);
	return got;
}

static void on_wake(struct ev_loop *loop, ev_async *w, int events)
{
	struct forward *f = w->data;
	uintptr_t got;

	(void)loop, (void)events;
	for (struct forward_port *p = f->ports; p != NULL; p = p->next) {
		unsigned taken = 0;
		while (taken++ < TAKEN_AT_ONCE && (got = pop(p)) != 0)
			inflight_ask(f->inflight, (struct forward_request *)(got & ~FORWARD_PREFETCH),
				     (got & FORWARD_PREFETCH) != 0);
		if (taken > TAKEN_AT_ONCE)
			ev_async_send(f->loop, w);
	}
}

static void on_stop(struct ev_loop *loop, ev_async *w, int events)
{
	(void)w, (void)events;
	ev_break(loop, EVBREAK_ALL);
}

static void on_call(struct ev_loop *loop, ev_async *w, int events)
{
	struct forward *f = w->data;
	struct call *call = &f->call;

	(void)loop, (void)events;
	pthread_mutex_lock(&call->lock);
	if (call->asked && call->searches != NULL)
		inflight_set_searches(f->inflight, call->searches);
	else if (call->asked && call->set)
		inflight_set_upstreams(f->inflight, call->to, call->count);
	else if (call->asked)
		call->gone = cache_flush(f->cache, call->flush);
	call->asked = false;
	pthread_cond_signal(&call->done);
	pthread_mutex_unlock(&call->lock);
}

/* With the lock; gives it back. */
static void call_wait(struct forward *f)
{
	f->call.asked = true;
	ev_async_send(f->loop, &f->called);
	while (f->call.asked)
		pthread_cond_wait(&f->call.done, &f->call.lock);
	f->call.searches = NULL;
	pthread_mutex_unlock(&f->call.lock);
}

size_t forward_flush(struct forward *f, const struct name *name)
{
	pthread_mutex_lock(&f->call.lock);
	f->call.flush = name;
	f->call.set = false;
	call_wait(f);
	return f->call.gone;
}

void forward_set_upstreams(struct forward *f, const struct forward_server *to, size_t count)
{
	pthread_mutex_lock(&f->call.lock);
	f->call.set = true;
	f->call.to = to;
	f->call.count = count;
	call_wait(f);
}

void forward_set_searches(struct forward *f, const struct search_domains *d)
{
	pthread_mutex_lock(&f->call.lock);
	f->call.searches = d;
	call_wait(f);
}

static void *forward_run(void *arg)
{
	struct forward *f = arg;

	rcu_writer_begin();
	ev_run(f->loop, 0);
	inflight_free(f->inflight); /* it may free what readers hold */
	f->inflight = NULL;
	rcu_writer_end();
	rcu_writer_settle();
	return NULL;
}

/* Each may need a descriptor. Out of those for Services: the daemon's own are not enough. */
static unsigned places_take(void)
{
	const unsigned quarter = descriptors_left() / 4, places = quarter < FORWARD_PENDING ? quarter : FORWARD_PENDING;

	return descriptors_take(places) ? places : 0;
}

struct forward *forward_new(const struct forward_config *config)
{
	struct forward *f = mem_alloc(sizeof *f);

	rcu_start();
	f->config = *config;
	f->cache = cache_new(&config->cache);
	f->loop = event_loop_new();
	rcu_loop(f->loop);
	ev_async_init(&f->wake, on_wake);
	ev_async_init(&f->stop, on_stop);
	ev_async_init(&f->called, on_call);
	pthread_mutex_init(&f->call.lock, NULL);
	pthread_cond_init(&f->call.done, NULL);
	f->wake.data = f->called.data = f;
	ev_async_start(f->loop, &f->called);
	ev_async_start(f->loop, &f->wake);
	ev_async_start(f->loop, &f->stop);
	quota_init(&f->quota, places_take());
	f->inflight = inflight_new(config, f->loop, f->cache, &f->counts, &f->marks, &f->quota);
	return f;
}

struct forward_port *forward_port(struct forward *f, forward_deliver_fn *deliver, void *ctx)
{
	struct forward_port *p = mem_alloc(sizeof *p);

	p->forward = f;
	p->deliver = deliver;
	p->ctx = ctx;
	p->next = f->ports;
	f->ports = p;
	return p;
}

bool forward_is_idle(const struct forward *f)
{
	for (const struct forward_port *p = f->ports; p != NULL; p = p->next)
		if (atomic_load_explicit((_Atomic unsigned *)&p->head, memory_order_acquire) !=
		    atomic_load_explicit((_Atomic unsigned *)&p->tail, memory_order_acquire))
			return false;
	return atomic_load_explicit((_Atomic uint64_t *)&f->counts.waiting, memory_order_relaxed) == 0;
}

const struct forward_counts *forward_counts(const struct forward *f)
{
	return &f->counts;
}

const struct cache_counts *forward_cache_counts(const struct forward *f)
{
	return cache_counts(f->cache);
}

void forward_start(struct forward *f)
{
	/* OpenSSL reads certificate authorities when the first certificate is checked. */
	static const struct thread_kind kind = {
		.name = "dns-forward", .calls = CALLS_BASIC CALLS_LOOP CALLS_SOCKETS CALLS_FILES "socket:inet connect"};

	thread_need(&f->thread, &kind, forward_run, f);
	ev_async_send(f->loop, &f->wake);
}

void forward_stop(struct forward *f)
{
	if (f == NULL)
		return;
	ev_async_send(f->loop, &f->stop);
	pthread_join(f->thread, NULL);
}

void forward_port_drain(struct forward_port *p)
{
	uintptr_t got;

	while ((got = pop(p)) != 0)
		forward_send((struct forward_request *)(got & ~FORWARD_PREFETCH), NULL, 0);
}

void forward_free(struct forward *f)
{
	if (f == NULL)
		return;
	while (f->ports != NULL) {
		struct forward_port *p = f->ports;
		f->ports = p->next;
		forward_port_drain(p);
		free(p);
	}
	if (f->inflight != NULL) /* the thread never ran */
		inflight_free(f->inflight);
	rcu_writer_begin();
	cache_free(f->cache);
	rcu_writer_end();
	pthread_cond_destroy(&f->call.done);
	pthread_mutex_destroy(&f->call.lock);
	ev_loop_destroy(f->loop);
	descriptors_give(f->quota.places);
	free(f);
}
