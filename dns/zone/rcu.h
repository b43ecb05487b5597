/*
 * The only user of liburcu (QSBR flavour): a registered thread that is online sees everything it found until its
 * next rcu_quiescent_state(); what a writer took out is freed when all online threads have passed one.
 *
 * Pointers are published with C11 release stores and read with acquire loads.
 */
#ifndef DNS_ZONE_RCU_H
#define DNS_ZONE_RCU_H

#include <ev.h>
#include <urcu-qsbr.h>
#include <urcu/rculfhash.h>

/* Starts the library's own threads, once, without capabilities. Before the first table and the first rcu_defer. */
void rcu_start(void);
/* Calls fn(p) once no reader can hold p. The calling thread must be online or offline, but registered. */
void rcu_defer(void (*fn)(void *p), void *p);

/*
 * A writer's step: registers the calling thread the first time, and keeps it online only between the two, so that
 * a thread that sleeps in its event loop never delays a grace period.
 */
void rcu_writer_begin(void);
void rcu_writer_end(void);
/* Unregisters the calling thread as often as it was begun for; waits until everything deferred is freed. */
void rcu_writer_settle(void);

/* The loop of a registered thread: offline around the poll, for a sleeping loop must not hold up grace periods. */
void rcu_loop(struct ev_loop *loop);

#endif
