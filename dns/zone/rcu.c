/* Registers threads with liburcu and frees memory after a grace period. */
#include "dns/zone/rcu.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/call_list.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"

struct deferred {
	struct rcu_head head;
	void (*fn)(void *p);
	void *p;
};

static _Thread_local bool registered;

static void rcu_run_deferred(struct rcu_head *head)
{
	struct deferred *d = (struct deferred *)head; /* first member */

	d->fn(d->p);
	free(d);
}

/* The library's threads have the rights of the thread that needs them first: the deferred calls, and resized tables. */
static void *library_start(void *table)
{
	rcu_register_thread();
	get_default_call_rcu_data();
	*(struct cds_lfht **)table = cds_lfht_new(1, 1, 0, CDS_LFHT_AUTO_RESIZE, NULL);
	rcu_unregister_thread();
	return NULL;
}

static void start_once(void)
{
	static const struct thread_kind kind = {.name = "rcu", .calls = CALLS_BASIC CALLS_THREADS "poll ppoll"};
	static struct cds_lfht *kept; /* the library ends its thread with the last table */
	pthread_t thread;

	thread_need(&thread, &kind, library_start, &kept);
	pthread_join(thread, NULL);
}

void rcu_start(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, start_once);
}

void rcu_defer(void (*fn)(void *p), void *p)
{
	struct deferred *d = mem_alloc(sizeof *d);

	d->fn = fn;
	d->p = p;
	call_rcu(&d->head, rcu_run_deferred);
}

void rcu_writer_begin(void)
{
	if (!registered) {
		rcu_register_thread();
		registered = true;
	} else {
		rcu_thread_online();
	}
}

void rcu_writer_end(void)
{
	rcu_thread_offline();
}

void rcu_writer_settle(void)
{
	if (!registered)
		return;
	rcu_barrier();
	rcu_unregister_thread();
	registered = false;
}

static void on_release(struct ev_loop *loop)
{
	(void)loop;
	rcu_thread_offline();
}

static void on_acquire(struct ev_loop *loop)
{
	(void)loop;
	rcu_thread_online();
}

void rcu_loop(struct ev_loop *loop)
{
	ev_set_loop_release_cb(loop, on_release, on_acquire);
}
