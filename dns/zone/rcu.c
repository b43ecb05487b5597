/* Registers threads with liburcu and frees memory after a grace period. */
#include "dns/zone/rcu.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/mem.h"

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
