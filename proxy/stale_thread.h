/*
 * The thread that asks the kernel for conntrack entries: a walk over its hash table takes 10 ms and more, and nothing
 * else may wait for it. It works on one pass at a time and has no access to anything else; the lock between it and the
 * main thread is held for an assignment only. Main thread, but where a comment says otherwise.
 */
#ifndef PROXY_STALE_THREAD_H
#define PROXY_STALE_THREAD_H

#include "proxy/stale_pass.h"

#define STALE_STOP_MS 300u /* so long the end waits for the kernel */

struct stale_thread;

/*
 * conntrack is the thread's from now on. wake: called in the thread when a pass is over, to make the main thread call
 * stale_thread_take; not after stale_thread_stop. Ends the program when there is no thread to be had: at start only.
 */
struct stale_thread *stale_thread_start(struct conntrack *conntrack, void (*wake)(void *ctx), void *ctx);
/*
 * The kernel's next answer ends a pass that is under way. When that does not come in STALE_STOP_MS, thread and memory
 * are left to the end of the process. NULL is fine.
 */
void stale_thread_stop(struct stale_thread *t);

/* Hands the pass over; only when no other is under way. */
void stale_thread_give(struct stale_thread *t, struct stale_pass *pass);
bool stale_thread_is_busy(const struct stale_thread *t); /* a pass was given and not taken back */
/* The pass that is over: the caller's again. NULL: none is. */
struct stale_pass *stale_thread_take(struct stale_thread *t);

#endif
