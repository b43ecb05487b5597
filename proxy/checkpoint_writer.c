/* The thread that writes the checkpoint. */
#include "proxy/checkpoint_writer.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/call_list.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/thread.h"
#include "watch/checkpoint_file.h"

struct snapshot {
	size_t count;
	const struct object *objects[];
};

struct checkpoint_writer {
	struct ev_loop *loop;
	ev_async over;
	const char *directory, *source;
	void (*done)(void *ctx, int error);
	void *ctx;
	pthread_t thread;
	struct snapshot *writing; /* main thread's; NULL: not busy */
	atomic_bool abandon;	  /* the write under way is not wanted any more */
	pthread_mutex_t lock;	  /* of what follows */
	pthread_cond_t changed;
	const struct snapshot *given; /* NULL: nothing to do */
	int error;		      /* of the last write */
	bool written, stop, ended;
};

/* ---- the thread ---- */

static int snapshot_write(struct checkpoint_writer *w, const struct snapshot *s)
{
	struct checkpoint_file_writer *file = checkpoint_file_begin(w->directory, w->source, clock_wall_ms());

	if (file == NULL)
		return errno;
	for (size_t i = 0; i < s->count; i++) {
		if (atomic_load(&w->abandon)) {
			checkpoint_file_abandon(file);
			return ECANCELED;
		}
		checkpoint_file_put(file, s->objects[i]);
	}
	return checkpoint_file_commit(file) ? 0 : errno;
}

static void *thread_run(void *arg)
{
	struct checkpoint_writer *w = arg;

	pthread_mutex_lock(&w->lock);
	while (!w->stop) {
		const struct snapshot *s = w->given;
		if (s == NULL) {
			pthread_cond_wait(&w->changed, &w->lock);
			continue;
		}
		w->given = NULL;
		pthread_mutex_unlock(&w->lock);
		int error = snapshot_write(w, s);
		pthread_mutex_lock(&w->lock);
		w->error = error;
		w->written = true;
		if (!w->stop) /* the loop may be gone after a stop */
			ev_async_send(w->loop, &w->over);
		pthread_cond_signal(&w->changed);
	}
	w->ended = true;
	pthread_cond_signal(&w->changed);
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* ---- main thread ---- */

static struct snapshot *snapshot_new(const struct store *store)
{
	size_t count = 0, n = 0;
	const struct object *o;

	for (int kind = 0; kind < OBJECT_KINDS; kind++)
		count += store_count(store, (enum object_kind)kind);
	struct snapshot *s = mem_alloc(sizeof *s + count * sizeof s->objects[0]);
	for (int kind = 0; kind < OBJECT_KINDS; kind++) {
		size_t at = 0;
		while (n < count && (o = store_next(store, (enum object_kind)kind, &at)) != NULL)
			s->objects[n++] = object_hold(o);
	}
	s->count = n;
	return s;
}

static void snapshot_free(struct snapshot *s)
{
	for (size_t i = 0; i < s->count; i++)
		object_free((struct object *)(uintptr_t)s->objects[i]);
	free(s);
}

/* True once: the write has ended, *error is its outcome. */
static bool collect(struct checkpoint_writer *w, int *error)
{
	pthread_mutex_lock(&w->lock);
	const bool written = w->written;
	*error = w->error;
	w->written = false;
	pthread_mutex_unlock(&w->lock);
	if (!written)
		return false;
	snapshot_free(w->writing);
	w->writing = NULL;
	return true;
}

static void on_over(struct ev_loop *loop, ev_async *async, int events)
{
	struct checkpoint_writer *w = async->data;
	int error;

	(void)loop, (void)events;
	if (collect(w, &error))
		w->done(w->ctx, error);
}

static void lock_init(struct checkpoint_writer *w)
{
	pthread_condattr_t monotonic;

	pthread_mutex_init(&w->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&w->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
}

struct checkpoint_writer *checkpoint_writer_new(struct ev_loop *loop, const char *directory, const char *source,
						void (*done)(void *ctx, int error), void *ctx)
{
	static const struct thread_kind kind = {
		.name = "checkpoint",
		.calls = CALLS_BASIC CALLS_FILES
		"openat mkdir mkdirat fsync rename renameat renameat2 unlinkat geteuid"};
	struct checkpoint_writer *w = mem_alloc(sizeof *w);

	w->loop = loop;
	w->directory = directory;
	w->source = source;
	w->done = done;
	w->ctx = ctx;
	lock_init(w);
	ev_async_init(&w->over, on_over);
	w->over.data = w;
	ev_async_start(loop, &w->over);
	thread_need(&w->thread, &kind, thread_run, w);
	return w;
}

void checkpoint_writer_write(struct checkpoint_writer *w, const struct store *store)
{
	w->writing = snapshot_new(store);
	pthread_mutex_lock(&w->lock);
	w->given = w->writing;
	pthread_cond_signal(&w->changed);
	pthread_mutex_unlock(&w->lock);
}

bool checkpoint_writer_is_busy(const struct checkpoint_writer *w)
{
	return w->writing != NULL;
}

/* Waits for *flag, which the lock guards; false: it took too long. */
static bool wait_for(struct checkpoint_writer *w, const bool *flag, const struct timespec *until)
{
	pthread_mutex_lock(&w->lock);
	while (!*flag && pthread_cond_timedwait(&w->changed, &w->lock, until) == 0) {
	}
	const bool is = *flag;
	pthread_mutex_unlock(&w->lock);
	return is;
}

/* 0 or an errno: ETIMEDOUT and the thread still writes. */
static int last_write(struct checkpoint_writer *w, const struct store *last, const struct timespec *until)
{
	int error = 0;

	if (last != NULL)
		atomic_store(&w->abandon, true);
	if (w->writing != NULL && !(wait_for(w, &w->written, until) && collect(w, &error)))
		return ETIMEDOUT;
	if (last == NULL)
		return error;
	atomic_store(&w->abandon, false);
	checkpoint_writer_write(w, last);
	return wait_for(w, &w->written, until) && collect(w, &error) ? error : ETIMEDOUT;
}

int checkpoint_writer_free(struct checkpoint_writer *w, const struct store *last)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += CHECKPOINT_STOP_MS * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	int error = last_write(w, last, &until);
	atomic_store(&w->abandon, true);
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_cond_signal(&w->changed);
	pthread_mutex_unlock(&w->lock);
	ev_async_stop(w->loop, &w->over);
	if (error == ETIMEDOUT && !wait_for(w, &w->ended, &until))
		return error; /* the disk has it, and what it holds stays; the process ends */
	pthread_join(w->thread, NULL);
	if (w->writing != NULL)
		snapshot_free(w->writing);
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->changed);
	free(w);
	return error;
}
