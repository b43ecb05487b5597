/*
 * Threads. Each kind has a name, the capabilities that it keeps (none, as a rule), and a list of system calls: who
 * takes one over by what it reads has little to do harm with. Signals are the main thread's.
 */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include <pthread.h>

struct thread_kind {
	const char *name;      /* at most 15 bytes, static: what ps and /proc show */
	const char *calls;     /* base/call_list.h; static */
	unsigned capabilities; /* base/capabilities.h: what it keeps of its creator's */
};

/* 0 or an errno. `kind` is borrowed for good. */
int thread_start(pthread_t *thread, const struct thread_kind *kind, void *(*run)(void *arg), void *arg);
/* The same at start-up, where the daemon is nothing without it: fatal on an error. */
void thread_need(pthread_t *thread, const struct thread_kind *kind, void *(*run)(void *arg), void *arg);

#endif
