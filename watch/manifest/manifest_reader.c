/* The thread that reads large manifests. */
#include "watch/manifest/manifest_reader.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/call_list.h"
#include "base/mem.h"
#include "base/thread.h"
#include "watch/manifest/manifest_said.h"

#define AHEAD_BYTES ((size_t)4 << 20) /* of text that is parsed and not taken: objects have a multiple of it */
#define TELL_BYTES ((size_t)64 << 10) /* of text, between two calls of wake */

struct manifest_reader {
	void (*wake)(void *ctx);
	void *ctx;
	pthread_t thread;
	struct manifest_parser *parser; /* the thread's */
	atomic_bool stop;
	pthread_mutex_t lock; /* of what follows, and of each job's progress */
	pthread_cond_t changed;
	struct reader_job *first, **tail;
};

static bool is_over(const struct manifest_reader *r, const struct reader_job *job)
{
	return atomic_load(&r->stop) || atomic_load(&job->cancelled);
}

/* ---- in the thread ---- */

/* NULL: the thread is to end. */
static struct reader_job *wait_for_job(struct manifest_reader *r)
{
	struct reader_job *job = NULL;

	pthread_mutex_lock(&r->lock);
	while (r->first == NULL && !atomic_load(&r->stop))
		pthread_cond_wait(&r->changed, &r->lock);
	if (!atomic_load(&r->stop)) {
		job = r->first;
		r->first = job->next;
		if (r->first == NULL)
			r->tail = &r->first;
	}
	pthread_mutex_unlock(&r->lock);
	return job;
}

static size_t ahead_bytes(const struct reader_job *job)
{
	const struct cuts *cuts = &job->reading.cuts;

	if (job->read == 0 || job->taken >= job->read)
		return 0;
	return (size_t)(cuts->all[job->read - 1].text - cuts->all[job->taken].text) +
	       cuts->all[job->read - 1].length_bytes;
}

/* The main loop may be gone after a stop. */
static void tell(struct manifest_reader *r, struct reader_job *job, size_t read)
{
	pthread_mutex_lock(&r->lock);
	job->opened = true;
	job->read = read;
	if (!atomic_load(&r->stop))
		r->wake(r->ctx);
	while (!is_over(r, job) && ahead_bytes(job) > AHEAD_BYTES)
		pthread_cond_wait(&r->changed, &r->lock);
	pthread_mutex_unlock(&r->lock);
}

/* Main may free it from here on. */
static void tell_done(struct manifest_reader *r, struct reader_job *job)
{
	pthread_mutex_lock(&r->lock);
	job->opened = job->done = true;
	if (!is_over(r, job))
		job->read = job->reading.cuts.count;
	if (!atomic_load(&r->stop))
		r->wake(r->ctx);
	pthread_mutex_unlock(&r->lock);
}

static void read_documents(struct manifest_reader *r, struct reader_job *job)
{
	struct reading *now = &job->reading;
	size_t bytes = 0;

	now->said = mem_array(now->cuts.count + 1, sizeof *now->said);
	tell(r, job, 0);
	for (size_t i = 0; i < now->cuts.count && !is_over(r, job); i++) {
		const struct cut *cut = &now->cuts.all[i];
		const struct yaml_chunk chunk = cut_chunk(cut);
		if (now->same[i] != READING_NEW)
			continue;
		now->said[i] = said_read(r->parser, &chunk, cut->item);
		bytes += cut->length_bytes;
		if (bytes < TELL_BYTES)
			continue;
		tell(r, job, i + 1);
		bytes = 0;
	}
}

static void *run(void *arg)
{
	struct manifest_reader *r = arg;
	struct reader_job *job;

	while ((job = wait_for_job(r)) != NULL) {
		if (!is_over(r, job))
			reading_make(&job->reading);
		if (job->reading.bytes != NULL)
			read_documents(r, job);
		tell_done(r, job);
	}
	return NULL;
}

/* ---- in the main thread ---- */

static const struct thread_kind kind = {.name = "manifests", .calls = CALLS_BASIC CALLS_FILES};

static void reader_free(struct manifest_reader *r)
{
	manifest_parser_free(r->parser);
	pthread_mutex_destroy(&r->lock);
	pthread_cond_destroy(&r->changed);
	free(r);
}

struct manifest_reader *reader_start(void (*wake)(void *ctx), void *ctx, int *error)
{
	struct manifest_reader *r = mem_alloc(sizeof *r);

	r->wake = wake;
	r->ctx = ctx;
	r->tail = &r->first;
	r->parser = manifest_parser_new();
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->changed, NULL);
	*error = thread_start(&r->thread, &kind, run, r);
	if (*error == 0)
		return r;
	reader_free(r);
	return NULL;
}

static bool ends_in_time(struct manifest_reader *r)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until); /* sanitizers do not know pthread_clockjoin_np */
	until.tv_nsec += READER_STOP_MS * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	return pthread_timedjoin_np(r->thread, NULL, &until) == 0;
}

bool reader_stop(struct manifest_reader *r)
{
	if (r == NULL)
		return true;
	pthread_mutex_lock(&r->lock);
	atomic_store(&r->stop, true);
	pthread_cond_signal(&r->changed);
	pthread_mutex_unlock(&r->lock);
	if (!ends_in_time(r))
		return false;
	reader_free(r);
	return true;
}

void reader_ask(struct manifest_reader *r, struct reader_job *job)
{
	pthread_mutex_lock(&r->lock);
	job->next = NULL;
	*r->tail = job;
	r->tail = &job->next;
	pthread_cond_signal(&r->changed);
	pthread_mutex_unlock(&r->lock);
}

struct reader_progress reader_progress(struct manifest_reader *r, struct reader_job *job, size_t taken)
{
	struct reader_progress now;

	pthread_mutex_lock(&r->lock);
	now = (struct reader_progress){.opened = job->opened, .done = job->done, .read = job->read};
	if (job->taken != taken) {
		job->taken = taken;
		pthread_cond_signal(&r->changed);
	}
	pthread_mutex_unlock(&r->lock);
	return now;
}

void reader_cancel(struct manifest_reader *r, struct reader_job *job)
{
	pthread_mutex_lock(&r->lock);
	atomic_store(&job->cancelled, true);
	pthread_cond_signal(&r->changed);
	pthread_mutex_unlock(&r->lock);
}
