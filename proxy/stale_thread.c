/* The thread that asks the kernel for conntrack entries. */
#include "proxy/stale_thread.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/call_list.h"
#include "base/capabilities.h"
#include "base/mem.h"
#include "base/thread.h"

struct stale_thread {
	struct conntrack *conntrack; /* the thread's */
	void (*wake)(void *ctx);
	void *ctx;
	pthread_t thread;
	bool busy;	      /* main thread's */
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t changed;
	struct stale_pass *given, *over;
	bool stop, ended;
};

/* NULL: the thread is to end. */
static struct stale_pass *wait_for_pass(struct stale_thread *t)
{
	struct stale_pass *pass = NULL;

	pthread_mutex_lock(&t->lock);
	while (t->given == NULL && !t->stop)
		pthread_cond_wait(&t->changed, &t->lock);
	if (!t->stop) {
		pass = t->given;
		t->given = NULL;
	}
	pthread_mutex_unlock(&t->lock);
	return pass;
}

/* The main loop may be gone after a stop. */
static void hand_back(struct stale_thread *t, struct stale_pass *pass)
{
	pthread_mutex_lock(&t->lock);
	t->over = pass;
	if (!t->stop)
		t->wake(t->ctx);
	pthread_mutex_unlock(&t->lock);
}

static void *thread_run(void *arg)
{
	struct stale_thread *t = arg;
	struct stale_pass *pass;

	while ((pass = wait_for_pass(t)) != NULL) {
		stale_pass_run(pass, t->conntrack);
		hand_back(t, pass);
	}
	pthread_mutex_lock(&t->lock);
	t->ended = true;
	pthread_cond_signal(&t->changed);
	pthread_mutex_unlock(&t->lock);
	return NULL;
}

static void lock_init(struct stale_thread *t)
{
	pthread_condattr_t monotonic;

	pthread_mutex_init(&t->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&t->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
}

static const struct thread_kind kind = {
	.name = "conntrack", .calls = CALLS_BASIC CALLS_SOCKETS "poll ppoll", .capabilities = CAPABILITIES_NET_ADMIN};

struct stale_thread *stale_thread_start(struct conntrack *conntrack, void (*wake)(void *ctx), void *ctx)
{
	struct stale_thread *t = mem_alloc(sizeof *t);

	t->conntrack = conntrack;
	t->wake = wake;
	t->ctx = ctx;
	lock_init(t);
	thread_need(&t->thread, &kind, thread_run, t);
	return t;
}

/* The lock is held. False: it is still in the kernel. */
static bool wait_for_end(struct stale_thread *t)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += STALE_STOP_MS * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	while (!t->ended && pthread_cond_timedwait(&t->changed, &t->lock, &until) == 0) {
	}
	return t->ended;
}

void stale_thread_stop(struct stale_thread *t)
{
	if (t == NULL)
		return;
	pthread_mutex_lock(&t->lock);
	t->stop = true;
	conntrack_stop(t->conntrack);
	pthread_cond_signal(&t->changed);
	const bool ended = wait_for_end(t);
	pthread_mutex_unlock(&t->lock);
	if (!ended)
		return;
	pthread_join(t->thread, NULL);
	stale_pass_free(t->given);
	stale_pass_free(t->over);
	conntrack_close(t->conntrack);
	pthread_mutex_destroy(&t->lock);
	pthread_cond_destroy(&t->changed);
	free(t);
}

void stale_thread_give(struct stale_thread *t, struct stale_pass *pass)
{
	t->busy = true;
	pthread_mutex_lock(&t->lock);
	t->given = pass;
	pthread_cond_signal(&t->changed);
	pthread_mutex_unlock(&t->lock);
}

bool stale_thread_is_busy(const struct stale_thread *t)
{
	return t->busy;
}

struct stale_pass *stale_thread_take(struct stale_thread *t)
{
	struct stale_pass *pass;

	pthread_mutex_lock(&t->lock);
	pass = t->over;
	t->over = NULL;
	pthread_mutex_unlock(&t->lock);
	if (pass != NULL)
		t->busy = false;
	return pass;
}
