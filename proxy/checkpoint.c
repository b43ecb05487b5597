/* Writes and serves the last complete state. */
#include "proxy/checkpoint.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
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
	struct ev_child child;
	bool complete; /* the source has listed everything: the store is worth keeping */
	bool serving;  /* what is served is the stored state */
	bool dirty;    /* since the last write began */
	bool failing;  /* the last write failed, and that was told */
	pid_t writer;  /* 0: none runs */
	uint64_t written_ms;
	struct state_info info; /* of the state being served */
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
	l->serving = state_load(l->directory, l->source, &l->store_sink, &l->info);
	if (l->serving)
		log_warn("state: initial list not complete; serving the checkpoint from %" PRId64 " s ago, %zu objects",
			 age_s(l), l->info.objects);
	else
		staging_end(l->staging);
}

/* ---- writing ---- */

/* 0 or an errno. */
static int write_state(const struct checkpoint *l)
{
	struct state_writer *w = state_begin(l->directory, l->source, clock_wall_ms());
	const struct object *o;

	if (w == NULL)
		return errno;
	for (int kind = 0; kind < OBJECT_KINDS; kind++) {
		size_t at = 0;
		while ((o = store_next(l->store, (enum object_kind)kind, &at)) != NULL)
			state_put(w, o);
	}
	return state_commit(w) ? 0 : errno;
}

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

	if (!l->dirty || !l->complete || l->writer != 0 || ev_is_active(&l->save))
		return;
	ev_timer_set(&l->save, (double)wait_ms / 1000, 0.);
	ev_timer_start(l->loop, &l->save);
}

static void writer_ended(struct checkpoint *l, int status)
{
	l->writer = 0;
	written(l, WIFEXITED(status) ? WEXITSTATUS(status) : EINTR);
}

static void on_written(struct ev_loop *loop, struct ev_child *child, int events)
{
	struct checkpoint *l = child->data;

	(void)events;
	ev_child_stop(loop, child);
	writer_ended(l, child->rstatus);
	save_soon(l);
}

/*
 * The child keeps no descriptor: should we end meanwhile, a DNS socket left open in it would take queries from our
 * successor (SO_REUSEPORT) and answer none. It only reads the store, writes the file and ends; malloc is usable after
 * fork with glibc, whatever the DNS threads do.
 */
static void on_save(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	struct checkpoint *l = timer->data;

	(void)events;
	pid_t pid = fork();
	if (pid == 0) {
		close_range(3, ~0U, 0);
		signal(SIGTERM, SIG_DFL); /* libev's handlers would only wake a loop that does not run here */
		signal(SIGINT, SIG_DFL);
		_exit(write_state(l));
	}
	l->written_ms = clock_ms();
	if (pid < 0) {
		written(l, errno);
		save_soon(l);
		return;
	}
	l->dirty = false;
	l->writer = pid;
	ev_child_set(&l->child, pid, 0);
	ev_child_start(loop, &l->child);
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
	ev_init(&l->child, on_written);
	l->wait.data = l->save.data = l->child.data = l;
	ev_timer_start(loop, &l->wait);
	return l;
}

void checkpoint_free(struct checkpoint *l)
{
	int status;

	if (l == NULL)
		return;
	ev_timer_stop(l->loop, &l->wait);
	ev_timer_stop(l->loop, &l->save);
	ev_child_stop(l->loop, &l->child);
	/* Both would write the same temporary file, and what it writes is older. */
	if (l->writer != 0 && kill(l->writer, SIGKILL) == 0 && waitpid(l->writer, &status, 0) > 0)
		writer_ended(l, status);
	if (l->dirty)
		written(l, write_state(l));
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
