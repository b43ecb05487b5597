/* Writes and serves the last complete state. */
#include "proxy/checkpoint.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "proxy/checkpoint_writer.h"
#include "proxy/staging.h"
#include "watch/checkpoint_file.h"

struct checkpoint {
	struct ev_loop *loop;
	char *directory, *source;
	struct store *store;
	struct sink store_sink;
	struct staging *staging; /* where the source talks to */
	struct ev_timer wait;	 /* for the source's complete state */
	struct ev_timer save;
	struct checkpoint_writer *writer;
	bool complete; /* the source has listed everything: the store is worth keeping */
	bool serving;  /* what is served is the stored state */
	bool dirty;    /* since the last write began */
	bool failing;  /* the last write failed, and that was told */
	uint64_t written_ms;
	struct checkpoint_file_info info; /* of the state being served */
};

/* ---- the source ---- */

static void on_complete(void *ctx)
{
	struct checkpoint *l = ctx;

	if (l->serving)
		log_notice("state: initial list complete; checkpoint no longer used");
	l->serving = false;
	staging_end(l->staging);
	l->complete = true;
	checkpoint_changed(l);
	l->store_sink.complete(l->store_sink.ctx);
}

/* ---- reading ---- */

static int64_t age_s(const struct checkpoint *l)
{
	int64_t age_ms = clock_wall_ms() - l->info.saved_wall_ms;

	return age_ms > 0 ? age_ms / 1000 : 0;
}

static void on_wait(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	struct checkpoint *l = timer->data;

	(void)loop, (void)events;
	if (l->complete)
		return;
	staging_begin(l->staging);
	/* Before the sink hears it: turn_end already reports what is served. */
	l->serving = true;
	l->serving = checkpoint_file_load(l->directory, l->source, &l->store_sink, &l->info);
	if (l->serving)
		log_warn("state: initial list not complete; serving the checkpoint from %" PRId64 " s ago, %zu objects",
			 age_s(l), l->info.objects);
	else
		staging_end(l->staging);
}

/* ---- writing ---- */

/* A full disk may stay full for days: one line when it begins, one when it ends. */
static void written(struct checkpoint *l, int error)
{
	if (error == 0 && l->failing)
		log_info("state %s: written again", l->directory);
	else if (error != 0 && !l->failing)
		log_warn("state %s: cannot be written: %s; trying again every %d s", l->directory, strerror(error),
			 CHECKPOINT_SAVE_GAP_MS / 1000);
	else if (error != 0)
		log_verbose("state %s: still cannot be written: %s", l->directory, strerror(error));
	l->failing = error != 0;
	l->dirty |= error != 0;
}

static void save_soon(struct checkpoint *l)
{
	uint64_t since_ms = clock_ms() - l->written_ms;
	uint64_t wait_ms = since_ms < CHECKPOINT_SAVE_GAP_MS ? CHECKPOINT_SAVE_GAP_MS - since_ms : 1000;

	if (!l->dirty || !l->complete || checkpoint_writer_is_busy(l->writer) || ev_is_active(&l->save))
		return;
	ev_timer_set(&l->save, (double)wait_ms / 1000, 0.);
	ev_timer_start(l->loop, &l->save);
}

static void on_written(void *ctx, int error)
{
	struct checkpoint *l = ctx;

	written(l, error);
	save_soon(l);
}

static void on_save(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	struct checkpoint *l = timer->data;

	(void)loop, (void)events;
	l->written_ms = clock_ms();
	l->dirty = false;
	checkpoint_writer_write(l->writer, l->store);
}

void checkpoint_changed(struct checkpoint *l)
{
	if (!l->complete)
		return;
	l->dirty = true;
	save_soon(l);
}

/* ---- life ---- */

struct checkpoint *checkpoint_new(struct ev_loop *loop, const char *directory, const char *source, struct store *store)
{
	struct checkpoint *l = mem_alloc(sizeof *l);

	l->loop = loop;
	l->directory = mem_strdup(directory);
	l->source = mem_strdup(source);
	l->store = store;
	l->store_sink = store_sink(store);
	l->staging = staging_new(store, on_complete, l);
	ev_timer_init(&l->wait, on_wait, CHECKPOINT_WAIT_MS / 1000., 0.);
	ev_init(&l->save, on_save);
	l->wait.data = l->save.data = l;
	l->writer = checkpoint_writer_new(loop, l->directory, l->source, on_written, l);
	ev_timer_start(loop, &l->wait);
	return l;
}

void checkpoint_free(struct checkpoint *l)
{
	if (l == NULL)
		return;
	ev_timer_stop(l->loop, &l->wait);
	ev_timer_stop(l->loop, &l->save);
	const int error = checkpoint_writer_free(l->writer, l->dirty ? l->store : NULL);
	if (error == ETIMEDOUT) {
		/* its thread may still read the two texts */
		log_warn("state %s: not written within %d ms; the state before stays", l->directory,
			 CHECKPOINT_STOP_MS);
		staging_free(l->staging);
		return;
	}
	if (error != 0)
		written(l, error);
	staging_free(l->staging);
	free(l->directory);
	free(l->source);
	free(l);
}

const struct sink *checkpoint_sink(const struct checkpoint *l)
{
	return staging_sink(l->staging);
}

void checkpoint_json(const struct checkpoint *l, struct json *j)
{
	if (l != NULL && l->serving)
		json_number(j, "servingStoredSecondsOld", age_s(l));
}

void checkpoint_text(const struct checkpoint *l, struct buf *out)
{
	if (l != NULL && l->serving)
		buf_printf(out, ", serving the stored state of %" PRId64 " s ago", age_s(l));
}
