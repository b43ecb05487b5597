/* Runs the thread that reads what clients send. */
#include "observe/requests.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/call_list.h"
#include "base/event_loop.h"
#include "base/mem.h"
#include "base/thread.h"

struct requests {
	struct ev_loop *loop;
	struct mailbox to_thread, to_main;
	ev_async stop;
	pthread_t thread;
	bool running, stopped; /* main thread's; it writes stopped when the thread has ended */
};

static const struct thread_kind kind = {
	.name = "requests", .calls = CALLS_BASIC CALLS_LOOP CALLS_SOCKETS "accept4 socket:inet connect getsockname"};

static void on_stop(struct ev_loop *loop, ev_async *w, int events)
{
	(void)w, (void)events;
	ev_break(loop, EVBREAK_ALL);
}

static void *thread_run(void *arg)
{
	struct requests *r = arg;

	ev_run(r->loop, 0);
	return NULL;
}

struct requests *requests_new(struct ev_loop *main)
{
	struct requests *r = mem_alloc(sizeof *r);

	r->loop = event_loop_new();
	mailbox_init(&r->to_thread, r->loop);
	mailbox_init(&r->to_main, main);
	ev_async_init(&r->stop, on_stop);
	ev_async_start(r->loop, &r->stop);
	return r;
}

void requests_start(struct requests *r)
{
	tzset(); /* reads its file now: the thread opens none, and gmtime_r() asks for it */
	thread_need(&r->thread, &kind, thread_run, r);
	r->running = true;
}

void requests_stop(struct requests *r)
{
	if (r->running) {
		ev_async_send(r->loop, &r->stop);
		pthread_join(r->thread, NULL);
	}
	r->running = false;
	r->stopped = true;
	mailbox_drain(&r->to_thread);
	mailbox_drain(&r->to_main);
}

void requests_free(struct requests *r)
{
	if (r == NULL)
		return;
	assert(r->stopped);
	ev_async_stop(r->loop, &r->stop);
	mailbox_fini(&r->to_thread);
	mailbox_fini(&r->to_main);
	ev_loop_destroy(r->loop);
	free(r);
}

struct ev_loop *requests_loop(const struct requests *r)
{
	return r->loop;
}

void requests_tell(struct requests *r, struct mail *m, mail_fn *handle, void *about)
{
	if (r->stopped)
		handle(about);
	else
		mailbox_put(&r->to_thread, m, handle, about);
}

void requests_ask(struct requests *r, struct mail *m, mail_fn *handle, void *about)
{
	if (r->stopped)
		handle(about);
	else
		mailbox_put(&r->to_main, m, handle, about);
}
