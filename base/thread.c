/* Starts threads that give up what they do not need. */
#include "base/thread.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/call_list.h"
#include "base/capabilities.h"
#include "base/log.h"
#include "base/mem.h"

struct start {
	const struct thread_kind *kind;
	void *(*run)(void *arg);
	void *arg;
};

static void confine(const struct thread_kind *kind)
{
	static atomic_bool told;
	int error = capabilities_keep(kind->capabilities);

	if (error != 0 && kind->capabilities != CAPABILITIES_NONE) /* its creator does not have them either */
		error = capabilities_keep(CAPABILITIES_NONE);
	if (error != 0 && !atomic_exchange(&told, true))
		log_warn("thread %s: its capabilities cannot be given up: %s", kind->name, strerror(error));
	error = call_list_apply(kind->calls);
	if (error != 0 && !atomic_exchange(&told, true))
		log_warn("thread %s: its system calls cannot be restricted: %s", kind->name, strerror(error));
}

static void *begin(void *arg)
{
	struct start s = *(struct start *)arg;

	free(arg);
	pthread_setname_np(pthread_self(), s.kind->name);
	confine(s.kind);
	return s.run(s.arg);
}

int thread_start(pthread_t *thread, const struct thread_kind *kind, void *(*run)(void *arg), void *arg)
{
	struct start *s = mem_alloc(sizeof *s);
	static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
	sigset_t all, before;

	*s = (struct start){kind, run, arg};
	sigfillset(&all); /* but those that a fault in the thread itself raises */
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
		sigdelset(&all, faults[i]);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int error = pthread_create(thread, NULL, begin, s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error != 0)
		free(s);
	return error;
}

void thread_need(pthread_t *thread, const struct thread_kind *kind, void *(*run)(void *arg), void *arg)
{
	const int error = thread_start(thread, kind, run, arg);

	if (error != 0)
		fatalx("thread %s: cannot start: %s", kind->name, strerror(error));
}
